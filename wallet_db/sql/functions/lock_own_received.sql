-- Locks an activation of this user that has had its SMS, and the wallet first; returns it. Private.
-- Locks: users, then activations (row). Raises: OS007 unknown_order (also for another user's), OS016 already_closed (it
--        ended without an SMS), OS022 sms_not_received.
create or replace function lock_own_received(p_user_id uuid, p_activation_id uuid) returns activations
language plpgsql as $$
declare
    v_activation activations;
begin
    perform from activations where id = p_activation_id and user_id = p_user_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    v_activation := lock_activation(p_activation_id);
    if v_activation.status in ('ordering', 'pending') then
        raise exception using errcode = 'OS022', message = 'no SMS has come yet',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status in ('cancelled', 'timeout', 'failed') then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    end if;
    return v_activation;
end $$;
