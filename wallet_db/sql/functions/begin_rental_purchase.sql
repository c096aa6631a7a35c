-- Writes down, before the provider is asked, that it is going to be, and which rentals unknown to us it lists already
-- (null: it has no list). True for one caller, until abandon_rental_purchase says that nothing was rented: whoever
-- finds it already begun must look upstream for an orphan, never rent again.
-- p_leased_until: the caller's lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: rentals (row).
create or replace function begin_rental_purchase(
    p_rental_id uuid, p_provider text, p_seen text[], p_now timestamptz default now(),
    p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update rentals set purchase_started_at = p_now, provider = p_provider, purchase_seen = p_seen
     where id = p_rental_id and status = 'ordering' and purchase_started_at is null and cancel_requested_at is null
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
