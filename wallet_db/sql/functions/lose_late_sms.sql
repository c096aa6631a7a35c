-- Writes down for the operator that an SMS was shown and is not paid for, with what it would have cost. Private.
create or replace function lose_late_sms(
    p_activation activations, p_amount numeric, p_policy text, p_now timestamptz
) returns void
language sql as $$
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'warning', 'apply_late_sms', 'loss: an SMS was shown and not paid for',
            jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                               'amount', p_amount::text, 'policy', p_policy))
$$;
