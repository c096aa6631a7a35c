-- What a wallet function answers of operations that stand in the audit: the operation, the wallet after the last
-- movement it made (settling a part of a hold makes two), and whether this call only repeated it. Private.
create or replace function operation_result(
    p_operation balance_operations, p_last balance_operations, p_replayed boolean
) returns jsonb
language sql immutable as $$
    select jsonb_build_object(
        'operation_number', p_operation.number, 'type', p_operation.type,
        'transaction_id', p_operation.transaction_id, 'hold_transaction_id', p_operation.hold_transaction_id,
        'user_id', p_operation.user_id, 'activation_id', p_operation.activation_id, 'rental_id', p_operation.rental_id,
        'amount', p_operation.amount::text, 'balance', p_last.balance_after::text, 'frozen', p_last.frozen_after::text,
        'available', p_last.available_after::text, 'replayed', p_replayed)
$$;
