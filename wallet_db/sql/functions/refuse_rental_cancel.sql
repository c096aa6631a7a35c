-- The provider will not take the rental back, or not yet: the request is taken back and the user told.
-- Locks: users, then rentals. Raises: OS007 unknown_order.
create or replace function refuse_rental_cancel(
    p_rental_id uuid, p_error_code text, p_allowed_at timestamptz, p_due_at timestamptz
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.closed_at is not null or v_rental.cancel_requested_at is null then
        return false;
    end if;
    update rentals
       set cancel_requested_at = null, cancel_allowed_at = p_allowed_at, error_code = p_error_code, due_at = p_due_at
     where id = p_rental_id;
    return true;
end $$;
