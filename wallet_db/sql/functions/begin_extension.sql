-- Writes down, before the provider is asked for more time, that it is going to be. True for one caller, until
-- abandon_extension says that nothing was sold: whoever finds it begun must find out how it went, never buy again.
-- Locks: rentals (row).
create or replace function begin_extension(p_rental_id uuid, p_now timestamptz default now()) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update rentals set extension_started_at = p_now
     where id = p_rental_id and status = 'active' and extension_status = 'requested' and extension_started_at is null
       and cancel_requested_at is null;
    return found;
end $$;
