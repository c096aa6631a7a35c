-- An operator wants a user's rental cancelled: as if the user had asked, so the provider decides, and within the time
-- for it only. Written down in system_logs with who and why. Asking again changes nothing but is written down as well.
-- Returns the rental.
-- Locks: users, then rentals.
-- Raises: OS007 unknown_order, OS014 invalid_argument (no reason), OS016 already_closed, OS019 cancel_too_late,
--         OS024 extension_pending.
create or replace function cancel_rental(
    p_rental_id uuid, p_reason text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    perform check_reason(p_reason);
    perform request_rental_cancel(v_rental.user_id, p_rental_id, p_now);
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'cancel_rental', 'an operator wants a rental cancelled', jsonb_build_object(
        'rental_id', p_rental_id, 'user_id', v_rental.user_id, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('status', v_rental.status)));
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;
