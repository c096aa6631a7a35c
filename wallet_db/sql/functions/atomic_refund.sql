-- Gives a hold back: frozen - amount, balance unchanged. Name the order, or the transaction id of the freeze. p_amount
-- null means the whole hold; a part refunds that part and commits the rest (the cashback), in the same operation.
-- Called again with the same arguments it returns the first result with "replayed": true.
-- Locks: users, then the order. Raises: OS002 unknown_user, OS003 unknown_hold, OS004 already_settled,
--        OS005 idempotency_mismatch, OS006 invalid_amount, OS008 invalid_transition,
--        OS014 invalid_argument.
create or replace function atomic_refund(
    p_user_id uuid, p_activation_id uuid default null, p_rental_id uuid default null,
    p_transaction_id text default null, p_reason text default 'not served', p_amount numeric default null,
    p_actor text default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    return settle_hold('refund', p_user_id, p_activation_id, p_rental_id, p_transaction_id,
                       coalesce(p_reason, 'not served'), p_amount, p_actor);
end $$;
