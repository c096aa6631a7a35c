-- The provider surely did not extend: the intent is taken back, and may be carried out again when the rental is due.
-- A cancel requested meanwhile is due at once.
-- Locks: rentals (row).
create or replace function abandon_extension(p_rental_id uuid, p_due_at timestamptz) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update rentals
       set extension_started_at = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_rental_id and extension_status = 'requested';
    return found;
end $$;
