-- Ends a hold, whole: p_amount of it goes the way of p_type, the rest the other way, in one operation. So a refund of
-- half a hold is the 50 % cashback, and nothing of a settled hold stays frozen. An order that is still open when its
-- hold ends is closed with it: completed by a commit, cancelled by a refund; a rental with its last hold.
-- Private: atomic_commit and atomic_refund are the doors.
-- Locks: users, then the order. Raises: OS002, OS003 unknown_hold, OS004 already_settled, OS005, OS006, OS008, OS014.
create or replace function settle_hold(
    p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text,
    p_reason text, p_amount numeric
) returns jsonb
language plpgsql as $$
declare
    v_user users;
    v_hold wallet_holds;
    v_state text := case p_type when 'commit' then 'committed' else 'refunded' end;
    v_other text := case p_type when 'commit' then 'refund' else 'commit' end;
    v_reason text := coalesce(p_reason, case p_type when 'commit' then 'served' else 'not served' end);
    v_transaction_id text;
    v_amount numeric;
    v_rest numeric;
    v_operation balance_operations;
    v_last balance_operations;
begin
    if p_amount is not null then
        perform check_amount(p_amount);
    end if;
    if p_transaction_id is not null then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    v_user := lock_user_wallet(p_user_id);
    v_hold := find_hold(p_user_id, p_activation_id, p_rental_id, p_transaction_id);
    v_transaction_id := coalesce(p_transaction_id, v_hold.transaction_id);
    v_amount := coalesce(round(p_amount, 2), v_hold.amount);
    v_rest := v_hold.amount - v_amount;

    if v_hold.state <> 'held' then
        if v_hold.state <> v_state or v_hold.settled_by <> v_transaction_id then
            raise exception using errcode = 'OS004',
                message = format('hold %s was already %s by %s', v_hold.id, v_hold.state, v_hold.settled_by),
                detail = jsonb_build_object('hold_id', v_hold.id, 'state', v_hold.state,
                                            'settled_by', v_hold.settled_by,
                                            'settled_at', iso_utc(v_hold.settled_at))::text;
        elsif v_amount <> (case v_state when 'committed' then v_hold.committed_amount
                                        else v_hold.refunded_amount end) then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another amount', v_transaction_id),
                detail = jsonb_build_object('transaction_id', v_transaction_id, 'field', 'amount')::text;
        end if;
        select * into v_operation from balance_operations
         where transaction_id = v_transaction_id and hold_id = v_hold.id and type = p_type;
        select * into v_last from balance_operations
         where transaction_id = v_transaction_id and hold_id = v_hold.id and type in ('commit', 'refund')
         order by id desc limit 1;
        return operation_result(v_operation, v_last, true);
    end if;
    if v_rest < 0 then
        raise exception using errcode = 'OS006',
            message = format('expected at most the hold''s %s, got %s', v_hold.amount, v_amount),
            detail = jsonb_build_object('amount', v_amount::text, 'held', v_hold.amount::text)::text;
    end if;

    if v_hold.activation_id is not null then
        update activations
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null,
               cancel_requested_at = null, cancel_allowed_at = null
         where id = v_hold.activation_id and user_id = p_user_id and status in ('ordering', 'pending');
    elsif v_hold.rental_id is not null then
        update rentals
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null, cancel_requested_at = null
         where id = v_hold.rental_id and user_id = p_user_id and status in ('ordering', 'active')
           and not exists (select from wallet_holds
                            where rental_id = v_hold.rental_id and state = 'held' and id <> v_hold.id);
    end if;
    update wallet_holds
       set state = v_state, settled_at = now(), settled_by = v_transaction_id,
           committed_amount = case p_type when 'commit' then v_amount else v_rest end,
           refunded_amount = case p_type when 'refund' then v_amount else v_rest end
     where id = v_hold.id;
    v_operation := record_operation(v_user, p_type, v_amount, v_transaction_id, v_reason,
                                    v_hold.id, v_hold.activation_id, v_hold.rental_id);
    v_last := v_operation;
    if v_rest > 0 then
        select * into strict v_user from users where id = p_user_id;
        v_last := record_operation(v_user, v_other, v_rest, v_transaction_id, format('rest: %s', v_reason),
                                   v_hold.id, v_hold.activation_id, v_hold.rental_id);
    end if;
    return operation_result(v_operation, v_last, false);
end $$;
