-- An SMS of an order: the message, the order's status and the commit of its hold in one transaction. Applied twice it
-- changes nothing. Either of code and text may be missing (null or empty), not both. p_provider_message_id tells
-- messages apart; null means a digest of code and text, and a bare code (no text, or the code for a text) is matched by
-- the code alone, for some answers lack the texts that others have:
--   bare, the code is known            it is that message
--   with a text, the code known bare   it is that message, from now on known by its text too; but another one where
--                                      another SMS was asked for since, for that may have the same code
-- Answers 'applied' or 'repeated' (this message is known); for an order that has closed first what apply_late_sms does.
-- Locks: users, then activations (of its chain, too), then route_attempts (row).
-- Raises: OS007 unknown_order, OS008 invalid_transition (nothing was bought yet), OS014 invalid_argument.
create or replace function apply_activation_sms(
    p_activation_id uuid, p_code text, p_text text, p_provider_message_id text default null,
    p_now timestamptz default now(), p_actor text default null
) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_code text := nullif(p_code, '');
    v_text text := coalesce(p_text, '');
    v_message_id text := coalesce(p_provider_message_id, md5(concat(v_code, '|', v_text)));
begin
    if v_code is null and v_text = '' then
        raise exception using errcode = 'OS014', message = 'expected an SMS with a code or a text, got neither',
            detail = '{"argument": "p_text"}';
    end if;
    if exists (select from sms_messages
                where activation_id = p_activation_id and provider_message_id = v_message_id) then
        return 'repeated';
    end if;
    if p_provider_message_id is null and v_text in ('', v_code) then
        if exists (select from sms_messages where activation_id = p_activation_id and code = v_code) then
            return 'repeated';
        end if;
    elsif p_provider_message_id is null
          and num_nonnulls(v_activation.another_sms_requested_at, v_activation.another_sms_asked_at) = 0 then
        update sms_messages set provider_message_id = v_message_id
         where activation_id = p_activation_id and code = v_code and text in ('', code)
           and provider_message_id = md5(concat(code, '|', text));
        if found then
            return 'repeated';
        end if;
    end if;
    if v_activation.closed_at is not null then
        return apply_late_sms(v_activation, v_code, v_text, v_message_id, p_actor, p_now);
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (v_activation.user_id, p_activation_id, v_code, v_text, v_message_id, p_now);
    if v_activation.status <> 'received' then
        update activations
           set status = 'received', frozen_amount = 0, cancel_requested_at = null, cancel_allowed_at = null,
               error_code = null
         where id = p_activation_id;
        update route_attempts set sms_at = p_now
         where activation_id = p_activation_id and number = v_activation.attempts;
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => 'activation:' || p_activation_id, p_reason => 'SMS received',
                              p_actor => p_actor);
        perform settle_owed_sms(v_activation, p_actor, p_now);
    else
        update activations set another_sms_requested_at = null, another_sms_asked_at = null
         where id = p_activation_id
           and num_nonnulls(another_sms_requested_at, another_sms_asked_at) > 0;
    end if;
    return 'applied';
end $$;
