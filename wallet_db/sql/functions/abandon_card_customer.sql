-- The provider surely was not told of a customer: the intent is taken back, and may be carried out again at p_due_at.
-- p_leased_until: as with begin_card_customer.
-- Locks: card_customers (row).
create or replace function abandon_card_customer(
    p_customer_id uuid, p_due_at timestamptz, p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_customers set submitted_at = null, due_at = p_due_at
     where id = p_customer_id and status = 'submitting' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
