-- The user wants an order cancelled: written down and made due, for the provider decides. Asking again changes nothing.
-- Returns the order. While the purchase is under way its lease is kept: record_purchase makes the cancel due.
-- An order not yet bought, nor begun to be, is cancelled here and now: nobody upstream knows it.
-- Locks: users, then activations. Raises: OS007 unknown_order (also for another user's), OS015 sms_already_received,
--        OS016 already_closed.
create or replace function request_cancel(
    p_user_id uuid, p_activation_id uuid, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations;
begin
    perform from activations where id = p_activation_id and user_id = p_user_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    v_activation := lock_activation(p_activation_id);
    if v_activation.status in ('received', 'completed') then
        raise exception using errcode = 'OS015', message = 'the SMS has been received, so the order is paid',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status in ('timeout', 'failed') then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status = 'ordering' and v_activation.purchase_started_at is null then
        perform close_activation(p_activation_id, 'cancelled', null, p_now);
    elsif v_activation.status <> 'cancelled' and v_activation.cancel_requested_at is null then
        update activations
           set cancel_requested_at = p_now, cancel_allowed_at = null, error_code = null,
               due_at = case status when 'ordering' then due_at else p_now end
         where id = p_activation_id;
    end if;
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;
