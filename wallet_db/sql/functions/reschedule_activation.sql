-- Gives a lease back: the order has been looked at, and is next due then. If somebody else made it due meanwhile, that
-- stands.
-- Locks: activations (row).
create or replace function reschedule_activation(
    p_activation_id uuid, p_leased_until timestamptz, p_due_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update activations set due_at = p_due_at, checked_at = clock_timestamp()
     where id = p_activation_id and due_at = p_leased_until
$$;
