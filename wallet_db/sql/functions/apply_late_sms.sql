-- An SMS of an order that has closed already. A completed order is paid for: it is shown. Where money went back, the
-- setting late_sms decides when the first one comes, for all that come:
--   charge  shown, and what went back is taken again, if the user has it; else it is our loss
--   give    shown, and our loss
--   ignore  not shown, so nothing is decided
-- A loss is a row of system_logs with its amount, once an order. Whatever is shown, a number that was given back is
-- paid for upstream now: late_sms_at. An order that tries again in its stead is stopped (stop_follower); if it goes on
-- holding the money that is wanted, that is owed until it ends (settle_owed_sms).
-- What an operator has refunded stays REFUNDED_BY_OPERATOR, unless it is charged: that the operators are told.
-- Returns 'applied', 'charged', 'owed', 'given' or 'closed' (not shown).
-- Private: apply_activation_sms holds the locks and has seen that the message is new.
-- Locks: activations (row of the follower) beyond the caller's.
create or replace function apply_late_sms(
    p_activation activations, p_code text, p_text text, p_message_id text, p_actor text, p_now timestamptz
) returns text
language plpgsql as $$
declare
    v_policy text := coalesce((select value #>> '{}' from settings where key = 'late_sms'), 'charge');
    -- An order that ended without an SMS has only such as came late.
    v_decided boolean := p_activation.status = 'completed'
                         or exists (select from sms_messages where activation_id = p_activation.id);
    v_amount numeric := refunded_of(p_activation.id);
    v_outcome text := 'applied';
    v_goes_on boolean;
begin
    if p_activation.status <> 'completed' then
        update activations set late_sms_at = p_now where id = p_activation.id and late_sms_at is null;
    end if;
    if not v_decided and v_amount > 0 and v_policy = 'ignore' then
        if p_activation.late_sms_at is null then  -- it is not kept, so it will be new at the next look, too
            insert into system_logs (at, level, source, message, data)
            values (p_now, 'warning', 'apply_late_sms', 'an SMS came for an order that is closed, and is not shown',
                    jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                                       'amount', v_amount::text, 'policy', v_policy, 'status', p_activation.status));
        end if;
        return 'closed';
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (p_activation.user_id, p_activation.id, p_code, p_text, p_message_id, p_now);
    if v_decided then
        return v_outcome;
    end if;
    v_goes_on := stop_follower(p_activation, p_now);
    if v_amount > 0 then
        v_outcome := coalesce(case v_policy when 'charge' then charge_late_sms(p_activation, v_amount, p_actor) end,
                              case when v_policy = 'charge' and v_goes_on then 'owed' else 'given' end);
    end if;
    if v_outcome = 'given' then
        perform lose_late_sms(p_activation, v_amount, v_policy, p_now);
    end if;
    if p_activation.error_code is not distinct from 'REFUNDED_BY_OPERATOR' then
        if v_outcome = 'given' then
            return v_outcome;  -- the user hears of the SMS, and of nothing else
        end if;
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'apply_late_sms', 'an SMS came for what an operator had refunded, and was charged',
                jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                                   'amount', v_amount::text, 'policy', v_policy));
    end if;
    update activations set error_code = case v_outcome when 'owed' then 'LATE_SMS_OWED' else 'LATE_SMS' end
     where id = p_activation.id;  -- which tells the user
    return v_outcome;
end $$;
