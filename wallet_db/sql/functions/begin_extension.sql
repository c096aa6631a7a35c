-- Writes down, before the provider is asked for more time, that it is going to be, and what it said that would cost
-- (null: nothing). Returns when to one caller, which is its name until abandon_extension says that nothing was sold,
-- and null to all others: whoever finds it begun must find out how it went, never buy again.
-- Locks: rentals (row).
create or replace function begin_extension(
    p_rental_id uuid, p_cost numeric default null, p_now timestamptz default now()
) returns timestamptz
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_started_at timestamptz;
begin
    update rentals set extension_started_at = p_now, extension_cost = p_cost
     where id = p_rental_id and status = 'active' and extension_status = 'requested' and extension_started_at is null
       and cancel_requested_at is null
    returning extension_started_at into v_started_at;
    return v_started_at;
end $$;
