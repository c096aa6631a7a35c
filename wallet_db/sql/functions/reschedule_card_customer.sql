-- Gives a lease back: the customer is next due then. If somebody else made it due meanwhile, that stands.
-- Locks: card_customers (row).
create or replace function reschedule_card_customer(
    p_customer_id uuid, p_leased_until timestamptz, p_due_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update card_customers set due_at = p_due_at where id = p_customer_id and due_at = p_leased_until
$$;
