-- Gives a lease back: the rental is next due then. If somebody else made it due meanwhile, that stands.
-- Locks: rentals (row).
create or replace function reschedule_rental(
    p_rental_id uuid, p_leased_until timestamptz, p_due_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update rentals set due_at = p_due_at where id = p_rental_id and due_at = p_leased_until
$$;
