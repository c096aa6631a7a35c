-- An SMS of an order that has closed already. A completed order is paid for: it is shown. Where money went back, the
-- setting late_sms decides:
--   charge  shown, and what went back is taken again, once an order, if the user has it; else it is our loss
--   give    shown, and our loss
--   ignore  not shown
-- A loss is a row of system_logs with its amount. Returns 'applied', 'charged', 'given' or 'closed' (not shown).
-- Private: apply_activation_sms holds the locks and has seen that the message is new.
-- Locks: none beyond the caller's. Raises: OS001 insufficient_funds is caught.
create or replace function apply_late_sms(
    p_activation activations, p_code text, p_text text, p_message_id text, p_actor text, p_now timestamptz
) returns text
language plpgsql as $$
declare
    v_policy text := coalesce((select value #>> '{}' from settings where key = 'late_sms'), 'charge');
    v_transaction_id text := format('activation:%s:late', p_activation.id);
    v_amount numeric := coalesce((select sum(refunded_amount) from wallet_holds
                                   where activation_id = p_activation.id and state <> 'held'), 0);
    v_outcome text := 'given';
begin
    if p_activation.status = 'completed' or v_amount = 0
       or exists (select from wallet_holds where transaction_id = v_transaction_id) then
        v_policy := 'give';
        v_amount := 0;
        v_outcome := 'applied';
    elsif v_policy = 'ignore' then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'apply_late_sms', 'an SMS came for an order that is closed, and is not shown',
                jsonb_build_object('activation_id', p_activation.id, 'status', p_activation.status));
        return 'closed';
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (p_activation.user_id, p_activation.id, p_code, p_text, p_message_id, p_now);
    if v_policy = 'charge' then
        begin
            perform atomic_freeze(p_activation.user_id, v_amount, v_transaction_id, 'SMS after the refund',
                                  p_actor => p_actor);
            perform atomic_commit(p_activation.user_id, p_transaction_id => v_transaction_id,
                                  p_reason => 'SMS after the refund', p_actor => p_actor);
            v_outcome := 'charged';
        exception when sqlstate 'OS001' then
            null;  -- the money is spent meanwhile: given
        end;
    end if;
    if v_outcome = 'given' then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'apply_late_sms', 'loss: an SMS was shown and not paid for',
                jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                                   'amount', v_amount::text, 'policy', v_policy));
    end if;
    if p_activation.status <> 'completed' then
        update activations set error_code = 'LATE_SMS' where id = p_activation.id;  -- which tells the user
    end if;
    return v_outcome;
end $$;
