-- Tops a wallet up: balance + amount. Called again with the same arguments it returns the first result, "replayed".
-- Locks: users. Raises: OS002 unknown_user, OS005 idempotency_mismatch, OS006 invalid_amount, OS014 invalid_argument.
create or replace function atomic_deposit(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text default 'top-up', p_actor text default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform check_amount(p_amount);
    return change_balance('deposit', p_user_id, p_amount, p_transaction_id, coalesce(p_reason, 'top-up'), p_actor);
end $$;
