-- The provider does not take the customer: submitting → failed. The details are forgotten at once, the documents go at
-- p_purge_at; the user may submit anew. False if that was decided already, or the lease is another's by now.
-- Locks: card_customers, card_documents (rows).
create or replace function fail_card_customer(
    p_customer_id uuid, p_error_code text, p_purge_at timestamptz, p_now timestamptz default now(),
    p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_customers set status = 'failed', error_code = p_error_code, details = null, due_at = null
     where id = p_customer_id and status = 'submitting' and due_at = coalesce(p_leased_until, due_at);
    if not found then
        return false;
    end if;
    update card_documents set purge_at = p_purge_at where customer_id = p_customer_id;
    return true;
end $$;
