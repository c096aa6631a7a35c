-- An operator ends an order that is stuck: its whole hold goes back, whatever the provider says or leaves unsaid. What
-- the number cost upstream may then be lost to us; a late SMS is treated as after any cancel. Again changes nothing.
-- Of a purchase in doubt the number is looked for on the provider's list from now on, and given back there: a row of
-- numbers_in_doubt. The operators are told (NUMBER_MAY_BE_SOLD).
-- The refund has the operator's reason. Written down in system_logs with who, why and how the order stood. Returns the
-- order.
-- Locks: users, then activations, then route_attempts (row), late_looks, numbers_in_doubt (insert).
-- Raises: OS007 unknown_order, OS014 invalid_argument (no reason), OS015 sms_already_received, OS016 already_closed.
create or replace function refund_activation(
    p_activation_id uuid, p_reason text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    perform check_reason(p_reason);
    if v_activation.status in ('received', 'completed') then
        raise exception using errcode = 'OS015', message = 'the SMS has been received, so the order is paid',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.closed_at is not null and v_activation.error_code is distinct from 'REFUNDED_BY_OPERATOR' then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.closed_at is null then
        perform close_activation(p_activation_id, 'cancelled', 'REFUNDED_BY_OPERATOR', p_now, p_reason => p_reason);
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'refund_activation', 'an operator refunded an order', jsonb_build_object(
            'activation_id', p_activation_id, 'user_id', v_activation.user_id, 'reason', p_reason, 'actor', acting(),
            'amount', v_activation.frozen_amount::text, 'before', jsonb_build_object(
                'status', v_activation.status, 'provider', v_activation.provider,
                'provider_order_id', v_activation.provider_order_id,
                'purchase_started_at', iso_utc(v_activation.purchase_started_at),
                'due_at', iso_utc(v_activation.due_at))));
        if v_activation.status = 'ordering' and v_activation.purchase_started_at is not null then
            perform tell_may_be_sold('NUMBER_MAY_BE_SOLD', jsonb_build_object('activation_id', p_activation_id),
                                     v_activation.provider, v_activation.price, p_now);
            insert into numbers_in_doubt (activation_id, provider, service, country, begun_at)
            values (p_activation_id, v_activation.provider, v_activation.service, v_activation.country,
                    v_activation.purchase_started_at);
        end if;
    end if;
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;
