-- Moves one user's money by one operation: the user's row, the audit row, and by trigger the event. Private: callers
-- hold the wallet's lock (p_user is the row it returned) and have checked the amount.
-- Locks: none beyond the caller's. Raises: OS005 idempotency_mismatch (the transaction id already did this type),
--        OS006 invalid_amount (the balance would exceed what a wallet can hold).
create or replace function record_operation(
    p_user users, p_type text, p_amount numeric, p_transaction_id text, p_reason text,
    p_hold_id bigint default null, p_activation_id uuid default null, p_rental_id uuid default null
) returns balance_operations
language plpgsql as $$
declare
    v_balance numeric := p_user.balance + case p_type when 'commit' then -p_amount
                                                      when 'deposit' then p_amount
                                                      when 'adjust' then p_amount else 0 end;
    v_frozen numeric := p_user.frozen_balance + case p_type when 'freeze' then p_amount
                                                            when 'commit' then -p_amount
                                                            when 'refund' then -p_amount else 0 end;
    v_operation balance_operations;
begin
    if v_balance >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected a balance below 10^12 afterwards, got %s', v_balance),
            detail = jsonb_build_object('amount', p_amount::text)::text;
    end if;
    insert into balance_operations (user_id, type, amount, balance_before, balance_after, frozen_before, frozen_after,
                                    transaction_id, hold_id, activation_id, rental_id, reason)
    values (p_user.id, p_type, p_amount, p_user.balance, v_balance, p_user.frozen_balance, v_frozen,
            p_transaction_id, p_hold_id, p_activation_id, p_rental_id, p_reason)
    on conflict (transaction_id, type) do nothing
    returning * into v_operation;
    if not found then
        raise exception using errcode = 'OS005',
            message = format('transaction %s has already made another %s', p_transaction_id, p_type),
            detail = jsonb_build_object('transaction_id', p_transaction_id,
                                        'field', case when p_hold_id is null then 'user_id' else 'hold_id' end)::text;
    end if;
    update users
       set balance = v_balance, frozen_balance = v_frozen,
           last_operation = p_type, last_amount = p_amount, last_transaction_id = p_transaction_id
     where id = p_user.id;
    return v_operation;
end $$;
