-- The user wants a rental cancelled: written down and made due, for the provider decides. Asking again changes nothing.
-- Returns the rental. Rentals can be given back within 20 minutes of their purchase. One not yet rented, nor begun to
-- be, is cancelled here and now; while the purchase is under way its lease is kept. An extension that is not decided
-- is waited for, for what would go back is not known.
-- Locks: users, then rentals. Raises: OS007 unknown_order (also for another user's), OS016 already_closed,
--        OS019 cancel_too_late, OS024 extension_pending.
create or replace function request_rental_cancel(
    p_user_id uuid, p_rental_id uuid, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id, p_user_id);
begin
    if v_rental.status in ('completed', 'expired', 'failed') then
        raise exception using errcode = 'OS016', message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.status = 'ordering' and v_rental.purchase_started_at is null then
        perform close_rental(p_rental_id, 'cancelled', p_now => p_now);
    elsif v_rental.status <> 'cancelled' and v_rental.cancel_requested_at is null then
        if p_now > v_rental.purchased_at + interval '20 minutes' then
            raise exception using errcode = 'OS019', message = 'a rental can be cancelled for 20 minutes only',
                detail = jsonb_build_object(
                    'order_id', p_rental_id,
                    'cancel_until', iso_utc(v_rental.purchased_at + interval '20 minutes'))::text;
        end if;
        perform refuse_while_extending(v_rental);
        update rentals
           set cancel_requested_at = p_now, cancel_allowed_at = null, error_code = null,
               due_at = case status when 'ordering' then due_at else p_now end
         where id = p_rental_id;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;
