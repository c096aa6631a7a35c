-- Holds p_amount of the user's available money: frozen + amount, balance unchanged. The hold is named by
-- p_transaction_id; the order may be named now, or its row may come later in the same transaction. A hold without an
-- order may have a time, p_expires_at, at which it is refunded by itself. A card's funding has its row already.
-- Called again with the same arguments it returns the first result with "replayed": true; p_reason and p_actor are
-- remarks and are not compared.
-- The hottest path of all: what append_operation does for the others is written out here, and the wallet is locked by
-- the guarded update itself, for a read before it would be one more round and one more lock record. Whoever repeats a
-- transaction while the first is under way learns of it only after the update, and takes it back; nobody sees that, it
-- is the same transaction.
-- Locks: users, then wallet_holds (insert), then rentals or card_fundings (row).
-- Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch, OS006 invalid_amount,
--         OS007 unknown_order (another user's), OS014 invalid_argument, OS016 already_closed; at commit
--         foreign_key_violation, if the order's row has not come.
create or replace function atomic_freeze(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text default 'purchase',
    p_activation_id uuid default null, p_rental_id uuid default null, p_expires_at timestamptz default null,
    p_actor text default null, p_funding_id uuid default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_balance numeric;
    v_frozen numeric;
    v_number bigint;
    v_seq bigint;
    v_amount text;
    v_event jsonb;
    v_rung boolean;
begin
    if (p_amount > 0 and p_amount < 1e12 and p_amount = round(p_amount, 2)) is not true then
        perform check_amount(p_amount);
    end if;
    if (length(p_transaction_id) between 1 and 255) is not true then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    if length(p_reason) > 1000 or length(p_actor) > 1000 then
        perform check_remarks(p_reason, p_actor);
    end if;
    loop
        if exists (select from wallet_holds where transaction_id = p_transaction_id) then
            return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at,
                                 p_funding_id);
        end if;
        update users
           set frozen_balance = frozen_balance + p_amount,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id and balance - frozen_balance >= p_amount
        returning balance, frozen_balance, operation_number, event_seq into v_balance, v_frozen, v_number, v_seq;
        exit when found;
        perform refuse_freeze(p_user_id, p_amount, p_transaction_id);
    end loop;
    insert into wallet_holds (transaction_id, user_id, amount, activation_id, rental_id, frozen_number, expires_at,
                              funding_id)
    values (p_transaction_id, p_user_id, p_amount, p_activation_id, p_rental_id, v_number, p_expires_at, p_funding_id)
    on conflict (transaction_id) do nothing;
    if not found then
        update users
           set frozen_balance = frozen_balance - p_amount,
               operation_number = operation_number - 1, event_seq = event_seq - 1
         where id = p_user_id;
        return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at,
                             p_funding_id);
    end if;
    if p_activation_id is not null or p_rental_id is not null or p_expires_at is not null then
        perform check_hold_order(p_user_id, p_transaction_id, p_activation_id, p_rental_id, p_expires_at);
        if p_rental_id is not null then
            perform restate_rental_frozen(p_rental_id);
        end if;
    end if;
    if p_funding_id is not null then
        perform check_hold_funding(p_user_id, p_amount, p_transaction_id, p_funding_id,
                                   coalesce(p_activation_id, p_rental_id), p_expires_at);
    end if;
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, activation_id, rental_id, actor, reason)
    values (p_user_id, v_number, 'freeze', p_amount, v_balance, v_balance, v_frozen - p_amount, v_frozen,
            p_transaction_id, p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, 'purchase'));
    v_amount := round(p_amount, 2)::text;
    v_event := jsonb_build_object(
        'balance', v_balance::text, 'frozen', v_frozen::text, 'available', (v_balance - v_frozen)::text,
        'operation', 'freeze', 'amount', v_amount, 'transaction_id', p_transaction_id);
    insert into events (user_id, seq, type, payload) values (p_user_id, v_seq, 'balance.changed', v_event);
    if pg_try_advisory_lock_shared(20307, 1) then
        v_rung := ring_doorbell(p_user_id, v_seq, 'balance.changed', v_event);
    end if;
    return jsonb_build_object(
        'operation_number', v_number, 'type', 'freeze', 'transaction_id', p_transaction_id,
        'hold_transaction_id', null, 'user_id', p_user_id, 'activation_id', p_activation_id, 'rental_id', p_rental_id,
        'amount', v_amount, 'balance', v_balance::text, 'frozen', v_frozen::text,
        'available', (v_balance - v_frozen)::text, 'replayed', false);
end $$;
