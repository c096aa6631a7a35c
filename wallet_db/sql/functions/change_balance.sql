-- Moves what a user owns, by a deposit or an adjustment whose amount has been checked. Private: atomic_deposit and
-- atomic_adjust are the doors.
-- Locks: users. Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch,
--        OS006 invalid_amount (the balance would exceed what a wallet can hold), OS014 invalid_argument.
create or replace function change_balance(
    p_type text, p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text
) returns jsonb
language plpgsql as $$
declare
    v_user users;
    v_first balance_operations;
    v_field text;
    v_constraint text;
begin
    perform check_key('p_transaction_id', p_transaction_id);
    perform check_remarks(p_reason, p_actor);
    v_user := lock_user_wallet(p_user_id);
    select * into v_first from balance_operations where transaction_id = p_transaction_id and type = p_type
       and type in ('deposit', 'adjust', 'correct');
    if found then
        v_field := case when v_first.user_id <> p_user_id then 'user_id'
                        when v_first.amount <> p_amount then 'amount' end;
        if v_field is not null then
            perform refuse_mismatch(p_transaction_id, v_field);
        end if;
        return operation_result(v_first, v_first, true);
    elsif p_amount < 0 and v_user.balance - v_user.frozen_balance + p_amount < 0 then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(-p_amount, 2), v_user.balance - v_user.frozen_balance),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(-p_amount, 2)::text,
                                        'available', (v_user.balance - v_user.frozen_balance)::text)::text;
    elsif v_user.balance + p_amount >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected a balance below 10^12 afterwards, got %s', v_user.balance + p_amount),
            detail = jsonb_build_object('amount', p_amount::text)::text;
    end if;
    update users
       set balance = balance + p_amount, operation_number = operation_number + 1, event_seq = event_seq + 1
     where id = p_user_id
    returning * into v_user;
    return append_operation(v_user, p_type, p_amount, p_transaction_id, p_reason, p_actor);
exception when unique_violation then
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint <> 'balance_operations_once_per_transaction' then
        raise;
    end if;
    -- Another user's wallet has taken this transaction id since we looked: their lock is not ours.
    perform refuse_mismatch(p_transaction_id, 'user_id');
    return null;
end $$;
