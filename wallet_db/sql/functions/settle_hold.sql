-- Ends a hold, whole: p_amount of it goes the way of p_type, the rest the other way, in one operation. So a refund of
-- half a hold is the 50 % cashback, and nothing of a settled hold stays frozen. An order that is still open when its
-- hold ends is closed with it: completed by a commit, cancelled by a refund; a rental with its last hold. So is a
-- card's funding, and by the refund of its first one the card.
-- A hold that is named by its freeze's id is looked at first, and the wallet locked by changing it, as a freeze does:
-- whoever finds then that another has ended the hold since takes the change back, and nobody sees it, it is the same
-- transaction.
-- Private: atomic_commit and atomic_refund are the doors.
-- Locks: users, then the order, or the card's funding and the card.
-- Raises: OS002, OS003 unknown_hold, OS004 already_settled, OS005 idempotency_mismatch, OS006 invalid_amount, OS008,
--         OS014.
create or replace function settle_hold(
    p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text,
    p_reason text, p_amount numeric, p_actor text default null
) returns jsonb
language plpgsql as $$
declare
    v_user users;
    v_hold wallet_holds;
    v_state text := case p_type when 'commit' then 'committed' else 'refunded' end;
    v_locked boolean := p_activation_id is not null or p_rental_id is not null;
    v_transaction_id text;
    v_amount numeric;
    v_rest numeric;
    v_activation activations;
    v_result jsonb;
begin
    if p_amount is not null then
        perform check_amount(p_amount);
    end if;
    if (length(p_transaction_id) between 1 and 255) is false then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    if length(p_reason) > 1000 or length(p_actor) > 1000 then
        perform check_remarks(p_reason, p_actor);
    end if;
    if v_locked then  -- which of an order's holds is meant may change until then
        perform lock_user_wallet(p_user_id);
    end if;
    loop
        v_hold := find_hold(p_user_id, p_activation_id, p_rental_id, p_transaction_id);
        v_transaction_id := coalesce(p_transaction_id, v_hold.transaction_id);
        v_amount := coalesce(round(p_amount, 2), v_hold.amount);
        v_rest := v_hold.amount - v_amount;
        if v_hold.state = 'held' and v_rest < 0 then
            raise exception using errcode = 'OS006',
                message = format('expected at most the hold''s %s, got %s', v_hold.amount, v_amount),
                detail = jsonb_build_object('amount', v_amount::text, 'held', v_hold.amount::text)::text;
        elsif v_hold.state = 'held' then
            update users
               set balance = balance - case p_type when 'commit' then v_amount else 0 end,
                   frozen_balance = frozen_balance - v_amount,
                   operation_number = operation_number + 1, event_seq = event_seq + 1
             where id = p_user_id and (frozen_balance >= v_hold.amount or v_locked)
            returning * into v_user;
            if found then
                if v_transaction_id <> v_hold.transaction_id then
                    perform claim_settlement_id(v_transaction_id);
                end if;
                update wallet_holds
                   set state = v_state, settled_at = now(), settled_by = v_transaction_id,
                       settled_number = v_user.operation_number,
                       committed_amount = case p_type when 'commit' then v_amount else v_rest end,
                       refunded_amount = case p_type when 'refund' then v_amount else v_rest end
                 where transaction_id = v_hold.transaction_id and state = 'held';
                exit when found;
                update users
                   set balance = balance + case p_type when 'commit' then v_amount else 0 end,
                       frozen_balance = frozen_balance + v_amount,
                       operation_number = operation_number - 1, event_seq = event_seq - 1
                 where id = p_user_id;
            end if;
        elsif v_locked and v_hold.transaction_id is null then
            raise exception using errcode = 'OS003',
                message = format('user %s has no hold for this activation, rental or transaction', p_user_id),
                detail = jsonb_build_object('user_id', p_user_id, 'activation_id', p_activation_id,
                                            'rental_id', p_rental_id, 'transaction_id', p_transaction_id)::text;
        elsif v_locked then
            return replay_settlement(v_hold, v_state, v_transaction_id, v_amount);
        end if;
        -- It has ended, or somebody is freezing or ending it: the lock tells.
        perform lock_user_wallet(p_user_id);
        v_locked := true;
    end loop;
    v_result := append_operation(v_user, p_type, v_amount, v_transaction_id, p_reason, p_actor,
                                 v_hold.transaction_id, v_hold.activation_id, v_hold.rental_id);
    if v_rest > 0 then
        update users
           set balance = balance - case p_type when 'refund' then v_rest else 0 end,
               frozen_balance = frozen_balance - v_rest,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id
        returning * into v_user;
        v_result := v_result || jsonb_build_object(
            'balance', v_user.balance::text, 'frozen', v_user.frozen_balance::text,
            'available', (v_user.balance - v_user.frozen_balance)::text);
        perform append_operation(v_user, case p_type when 'commit' then 'refund' else 'commit' end, v_rest,
                                 v_transaction_id, format('rest: %s', p_reason), p_actor,
                                 v_hold.transaction_id, v_hold.activation_id, v_hold.rental_id);
    end if;
    -- Last, because this tells the user, too, and events are written in the order of their seq.
    if v_hold.activation_id is not null then
        update activations
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null,
               cancel_requested_at = null, cancel_allowed_at = null
         where id = v_hold.activation_id and user_id = p_user_id and status in ('ordering', 'pending')
        returning * into v_activation;
        if found then
            perform settle_owed_sms(v_activation, p_actor, now());
        end if;
    elsif v_hold.rental_id is not null then
        perform restate_rental_frozen(v_hold.rental_id);
        update rentals
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null, cancel_requested_at = null,
               extension_status = case extension_status when 'requested' then 'refused' else extension_status end,
               extension_started_at = null
         where id = v_hold.rental_id and user_id = p_user_id and status in ('ordering', 'active')
           and not exists (select from wallet_holds where rental_id = v_hold.rental_id and state = 'held');
    elsif v_hold.funding_id is not null then
        perform end_card_funding(v_hold.funding_id, case p_type when 'commit' then 'completed' else 'failed' end,
                                 case p_type when 'refund' then 'REFUNDED' end, now());
    end if;
    return v_result;
end $$;
