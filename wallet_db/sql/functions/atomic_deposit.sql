-- Tops a wallet up: balance + amount. Called again with the same arguments it returns the first result, "replayed".
-- Locks: users. Raises: OS002 unknown_user, OS005 idempotency_mismatch, OS006 invalid_amount, OS014 invalid_argument.
create or replace function atomic_deposit(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text default 'top-up'
) returns jsonb
language plpgsql as $$
declare
    v_user users;
    v_operation balance_operations;
    v_field text;
begin
    perform check_amount(p_amount);
    perform check_key('p_transaction_id', p_transaction_id);
    v_user := lock_user_wallet(p_user_id);
    select * into v_operation from balance_operations where transaction_id = p_transaction_id and type = 'deposit';
    if found then
        v_field := case when v_operation.user_id <> p_user_id then 'user_id'
                        when v_operation.amount <> p_amount then 'amount' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another %s', p_transaction_id, v_field),
                detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', v_field)::text;
        end if;
        return operation_result(v_operation, v_operation, true);
    end if;
    v_operation := record_operation(v_user, 'deposit', p_amount, p_transaction_id, coalesce(p_reason, 'top-up'));
    return operation_result(v_operation, v_operation, false);
end $$;
