-- What a commit or refund answers for a hold that has ended: the first result if this call repeats the one that ended
-- it, else who did and when. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's. Raises: OS004 already_settled, OS005 idempotency_mismatch.
create or replace function replay_settlement(
    p_hold wallet_holds, p_state text, p_transaction_id text, p_amount numeric
) returns jsonb
language plpgsql as $$
declare
    v_first balance_operations;
    v_last balance_operations;
begin
    select * into strict v_first from balance_operations
     where user_id = p_hold.user_id and number = p_hold.settled_number;
    if p_hold.state <> p_state or p_hold.settled_by <> p_transaction_id then
        raise exception using errcode = 'OS004',
            message = format('hold %s was already %s by %s', p_hold.transaction_id, p_hold.state, p_hold.settled_by),
            detail = jsonb_build_object('hold_transaction_id', p_hold.transaction_id, 'state', p_hold.state,
                                        'settled_by', p_hold.settled_by, 'settled_at', iso_utc(p_hold.settled_at),
                                        'reason', v_first.reason)::text;
    elsif v_first.amount <> p_amount then
        perform refuse_mismatch(p_transaction_id, 'amount');
    end if;
    select * into strict v_last from balance_operations
     where user_id = p_hold.user_id
       and number = p_hold.settled_number + (p_hold.committed_amount > 0 and p_hold.refunded_amount > 0)::integer;
    return operation_result(v_first, v_last, true);
end $$;
