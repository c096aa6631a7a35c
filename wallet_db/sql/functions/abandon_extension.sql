-- The provider surely did not extend: the intent is taken back, and may be carried out again when the rental is due.
-- What the user asked for meanwhile is due at once. p_started_at: as begin_extension told it to the caller; of an
-- extension that was decided, or begun anew by another, it changes nothing.
-- Locks: rentals (row).
create or replace function abandon_extension(
    p_rental_id uuid, p_started_at timestamptz, p_due_at timestamptz
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update rentals
       set extension_started_at = null, extension_cost = null,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else now() end
     where id = p_rental_id and extension_status = 'requested' and extension_started_at = p_started_at;
    return found;
end $$;
