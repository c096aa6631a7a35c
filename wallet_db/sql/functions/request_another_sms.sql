-- The user wants one more SMS of an activation that has had its own: written down and made due, for the provider is
-- asked. Asking again changes nothing. Returns the order.
-- Locks: users, then activations. Raises: OS007 unknown_order (also for another user's), OS016 already_closed (or its
--        time is over), OS022 sms_not_received.
create or replace function request_another_sms(
    p_user_id uuid, p_activation_id uuid, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_own_received(p_user_id, p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.expires_at <= p_now then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif num_nonnulls(v_activation.another_sms_requested_at, v_activation.another_sms_asked_at) = 0 then
        update activations
           set another_sms_requested_at = p_now, error_code = null, due_at = p_now
         where id = p_activation_id
        returning * into v_activation;
    end if;
    return activation_json(v_activation);
end $$;
