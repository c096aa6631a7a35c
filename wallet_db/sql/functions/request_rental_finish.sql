-- The user needs a rental no longer: written down and made due, so that the number is given up and the price spent.
-- Asking again changes nothing. Returns the rental. An extension that is not decided is waited for: it may have been
-- sold, and its price would go back.
-- Locks: users, then rentals. Raises: OS007 unknown_order (also for another user's), OS008 invalid_transition (it has
--        no number yet), OS016 already_closed, OS024 extension_pending.
create or replace function request_rental_finish(
    p_user_id uuid, p_rental_id uuid, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id, p_user_id);
begin
    if v_rental.status in ('cancelled', 'failed') then
        raise exception using errcode = 'OS016', message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.status = 'ordering' then
        raise exception using errcode = 'OS008', message = 'the rental has no number yet',
            detail = jsonb_build_object('order_id', p_rental_id, 'from', 'ordering', 'to', 'completed')::text;
    elsif v_rental.status = 'active' and v_rental.finish_requested_at is null then
        perform refuse_while_extending(v_rental);
        update rentals set finish_requested_at = p_now, due_at = p_now where id = p_rental_id;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;
