-- An operator's correction of what a user owns: balance + amount, which may be negative, down to what is available.
-- A reason is required. Called again with the same arguments it returns the first result, "replayed".
-- Locks: users. Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch, OS006 invalid_amount,
--        OS014 invalid_argument.
create or replace function atomic_adjust(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if p_amount < 0 then
        perform check_amount(-p_amount);
    else
        perform check_amount(p_amount);
    end if;
    if p_reason is null or p_reason !~ '[^[:space:]]' then
        raise exception using errcode = 'OS014', message = 'expected a reason for the adjustment, got none',
            detail = '{"argument": "p_reason"}';
    end if;
    return change_balance('adjust', p_user_id, p_amount, p_transaction_id, p_reason, p_actor);
end $$;
