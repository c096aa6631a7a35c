-- Writes one operation into the audit and tells its user: p_user is the user's row as the operation left it, with its
-- operation_number and event_seq counted up for it. Returns the operation's result. Private.
-- Locks: none beyond the caller's lock of the wallet.
create or replace function append_operation(
    p_user users, p_type text, p_amount numeric, p_transaction_id text, p_reason text, p_actor text,
    p_hold_transaction_id text default null, p_activation_id uuid default null, p_rental_id uuid default null
) returns jsonb
language plpgsql as $$
declare
    v_frozen_change numeric := case p_type when 'freeze' then p_amount when 'correct' then p_amount
                                           when 'commit' then -p_amount when 'refund' then -p_amount else 0 end;
    v_balance_change numeric := case p_type when 'commit' then -p_amount when 'deposit' then p_amount
                                            when 'adjust' then p_amount else 0 end;
    v_amount text := round(p_amount, 2)::text;
    v_available text := (p_user.balance - p_user.frozen_balance)::text;
    v_event jsonb := jsonb_build_object(
        'balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text, 'available', v_available,
        'operation', p_type, 'amount', v_amount, 'transaction_id', p_transaction_id);
    v_rung boolean;
begin
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, hold_transaction_id, activation_id, rental_id, actor,
                                    reason)
    values (p_user.id, p_user.operation_number, p_type, p_amount, p_user.balance - v_balance_change, p_user.balance,
            p_user.frozen_balance - v_frozen_change, p_user.frozen_balance, p_transaction_id, p_hold_transaction_id,
            p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, p_type));
    insert into events (user_id, seq, type, payload)
    values (p_user.id, p_user.event_seq, 'balance.changed', v_event);
    if pg_try_advisory_lock_shared(20307, 1) then
        v_rung := ring_doorbell(p_user.id, p_user.event_seq, 'balance.changed', v_event);
    end if;
    return jsonb_build_object(
        'operation_number', p_user.operation_number, 'type', p_type, 'transaction_id', p_transaction_id,
        'hold_transaction_id', p_hold_transaction_id, 'user_id', p_user.id, 'activation_id', p_activation_id,
        'rental_id', p_rental_id, 'amount', v_amount, 'balance', p_user.balance::text,
        'frozen', p_user.frozen_balance::text, 'available', v_available, 'replayed', false);
end $$;
