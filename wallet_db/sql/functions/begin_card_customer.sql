-- Writes down, before the provider is asked, that it is going to be told of a customer. True for one caller, until
-- abandon_card_customer says that it surely was not: whoever finds it begun looks whether the provider knows them.
-- p_leased_until: the caller's lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: card_customers (row).
create or replace function begin_card_customer(
    p_customer_id uuid, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_customers set submitted_at = p_now
     where id = p_customer_id and status = 'submitting' and submitted_at is null
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
