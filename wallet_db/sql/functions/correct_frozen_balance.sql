-- Sets right what of a wallet's fault can be known, under its lock and by audited operations: holds whose order is over
-- are settled as it ended, then frozen becomes the sum of the open holds. What cannot be known is left for a person and
-- alerted: a CRITICAL wallet, an order without its hold, holds that the balance does not cover.
-- Repeating it, or two at once, corrects once. One wallet a transaction: an alert locks the operators' row, too.
-- Returns {"user_id", "corrected", "alerted", "operations": [numbers], "before", "after"}, the latter two as
-- wallet_health has them. A correction is a row of system_logs with the same figures and who made it; p_reason is why
-- an operator did not leave it to the hourly look.
-- Locks: users, then the operators' row. Raises: OS002 unknown_user, OS014 invalid_argument (too long a reason).
create or replace function correct_frozen_balance(
    p_user_id uuid, p_now timestamptz default now(), p_reason text default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_before jsonb := wallet_health(p_user_id);
    v_after jsonb := v_before;
    v_operations jsonb := '[]';
    v_refusal text;
    v_alerted boolean := false;
begin
    perform check_remarks(p_reason, null);
    if v_before ->> 'status' = 'WARNING' then
        begin
            perform settle_ended_orders(p_user_id, 'correct_frozen_balance');
            perform restate_frozen(p_user_id, 'correct_frozen_balance');
        exception when others then
            if sqlstate !~ '^(OS|23)' then  -- a refusal or a constraint is a fault of the wallet; others are not
                raise;
            end if;
            v_refusal := sqlerrm;
        end;
        v_after := wallet_health(p_user_id);
        select coalesce(jsonb_agg(number order by number), '[]') into v_operations
          from balance_operations where user_id = p_user_id and number > v_user.operation_number;
    end if;
    if v_operations <> '[]' then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'correct_frozen_balance', 'a wallet was corrected', jsonb_build_object(
                'user_id', p_user_id, 'operations', v_operations, 'before', v_before, 'after', v_after,
                'actor', acting(), 'reason', p_reason));
    end if;
    if v_after ->> 'status' <> 'OK' then
        v_alerted := alert_wallet(v_after, v_refusal, p_now);
    end if;
    return jsonb_build_object(
        'user_id', p_user_id, 'corrected', v_operations <> '[]', 'alerted', v_alerted, 'operations', v_operations,
        'before', v_before, 'after', v_after);
end $$;
