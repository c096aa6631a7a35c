-- An operator acknowledges that an operation does not begin where the one before it ended (the first one: at zero), as
-- after a wallet was changed by hand. `check` then tells it as acknowledged, with who, when and why, and does not fail
-- on it; a difference of balance counts as money that came from outside the audit. Nothing else is changed: the wallet
-- is set right by a correction or an adjustment. Once for each; the same again changes nothing, whatever its reason.
-- Written down in system_logs, too. Returns {"user_id", "number", "balance_difference", "frozen_difference", "reason",
-- "actor", "acknowledged_at"}.
-- Locks: users. Raises: OS002 unknown_user, OS014 invalid_argument (no reason, no such operation, or no break there).
create or replace function acknowledge_break(
    p_user_id uuid, p_number bigint, p_reason text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_operation balance_operations;
    v_before balance_operations;
    v_acknowledged acknowledged_breaks;
begin
    perform check_reason(p_reason);
    select * into v_acknowledged from acknowledged_breaks where user_id = v_user.id and number = p_number;
    if not found then
        select * into v_operation from balance_operations where user_id = v_user.id and number = p_number;
        if not found then
            raise exception using errcode = 'OS014', message = format('the user has no operation %s', p_number),
                detail = '{"argument": "p_number"}';
        end if;
        select * into v_before from balance_operations where user_id = v_user.id and number = p_number - 1;
        if (not found and p_number > 1)
           or (v_operation.balance_before = coalesce(v_before.balance_after, 0)
               and (v_operation.type = 'correct' or v_operation.frozen_before = coalesce(v_before.frozen_after, 0)))
        then
            raise exception using errcode = 'OS014',
                message = format('expected an operation that does not begin where the one before it ended, got %s',
                                 p_number),
                detail = '{"argument": "p_number"}';
        end if;
        insert into acknowledged_breaks (user_id, number, balance_difference, frozen_difference, reason, actor,
                                         acknowledged_at)
        values (v_user.id, p_number, v_operation.balance_before - coalesce(v_before.balance_after, 0),
                v_operation.frozen_before - coalesce(v_before.frozen_after, 0), p_reason, acting(), p_now)
        returning * into v_acknowledged;
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'acknowledge_break', 'an operator acknowledged a break of the audit',
                jsonb_build_object('user_id', v_user.id, 'number', p_number, 'reason', p_reason,
                    'actor', v_acknowledged.actor, 'balance_difference', v_acknowledged.balance_difference::text,
                    'frozen_difference', v_acknowledged.frozen_difference::text));
    end if;
    return jsonb_build_object(
        'user_id', v_acknowledged.user_id, 'number', v_acknowledged.number,
        'balance_difference', v_acknowledged.balance_difference::text,
        'frozen_difference', v_acknowledged.frozen_difference::text, 'reason', v_acknowledged.reason,
        'actor', v_acknowledged.actor, 'acknowledged_at', iso_utc(v_acknowledged.acknowledged_at));
end $$;
