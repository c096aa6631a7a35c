-- Holds p_amount of the user's available money: frozen + amount, balance unchanged. The hold is named by
-- p_transaction_id; the order may be named now, or its row may come later in the same transaction.
-- Called again with the same arguments it returns the first result with "replayed": true.
-- Locks: users, then wallet_holds (insert).
-- Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch, OS006 invalid_amount,
--         OS007 unknown_order (also for another user's), OS014 invalid_argument, OS016 already_closed.
create or replace function atomic_freeze(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text default 'purchase',
    p_activation_id uuid default null, p_rental_id uuid default null
) returns jsonb
language plpgsql as $$
declare
    v_user users;
    v_hold_id bigint;
    v_hold wallet_holds;
    v_operation balance_operations;
    v_field text;
begin
    perform check_amount(p_amount);
    perform check_key('p_transaction_id', p_transaction_id);
    v_user := lock_user_wallet(p_user_id);

    if not exists (select from wallet_holds where transaction_id = p_transaction_id) then
        perform check_hold_order(p_user_id, p_activation_id, p_rental_id);
    end if;
    insert into wallet_holds (user_id, transaction_id, amount, reason, activation_id, rental_id)
    values (p_user_id, p_transaction_id, p_amount, coalesce(p_reason, 'purchase'), p_activation_id, p_rental_id)
    on conflict (transaction_id) do nothing
    returning id into v_hold_id;

    if v_hold_id is null then
        select * into v_hold from wallet_holds where transaction_id = p_transaction_id;
        v_field := case when v_hold.user_id <> p_user_id then 'user_id'
                        when v_hold.amount <> p_amount then 'amount'
                        when v_hold.activation_id is distinct from p_activation_id then 'activation_id'
                        when v_hold.rental_id is distinct from p_rental_id then 'rental_id' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another %s', p_transaction_id, v_field),
                detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', v_field)::text;
        end if;
        select * into strict v_operation from balance_operations
         where transaction_id = p_transaction_id and type = 'freeze';
        return operation_result(v_operation, v_operation, true);
    end if;

    if v_user.balance - v_user.frozen_balance < p_amount then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(p_amount, 2), v_user.balance - v_user.frozen_balance),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(p_amount, 2)::text,
                                        'available', (v_user.balance - v_user.frozen_balance)::text)::text;
    end if;
    v_operation := record_operation(v_user, 'freeze', p_amount, p_transaction_id, coalesce(p_reason, 'purchase'),
                                    v_hold_id, p_activation_id, p_rental_id);
    return operation_result(v_operation, v_operation, false);
end $$;
