-- What a wallet function answers: the operation, the wallet after it, and whether this call only repeated it.
create or replace function operation_result(p_operation balance_operations, p_replayed boolean) returns jsonb
language sql immutable as $$
    select jsonb_build_object(
        'operation_id', p_operation.id, 'type', p_operation.type, 'transaction_id', p_operation.transaction_id,
        'user_id', p_operation.user_id, 'hold_id', p_operation.hold_id, 'activation_id', p_operation.activation_id,
        'rental_id', p_operation.rental_id, 'amount', p_operation.amount::text,
        'balance', p_operation.balance_after::text, 'frozen', p_operation.frozen_after::text,
        'available', p_operation.available_after::text, 'replayed', p_replayed)
$$;
