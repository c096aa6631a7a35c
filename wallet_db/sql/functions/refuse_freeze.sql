-- Why a freeze found no money: the user is unknown, or has too little. Looks again under the lock, for what may have
-- happened since: another caller may have made this very freeze, with the last of the money, or have topped the wallet
-- up; then it refuses nothing, and the freeze is to be tried again. Private.
-- Locks: users. Raises: OS001 insufficient_funds, OS002 unknown_user.
create or replace function refuse_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text) returns void
language plpgsql as $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_available numeric := v_user.balance - v_user.frozen_balance;
begin
    if v_available < p_amount and not exists (select from wallet_holds where transaction_id = p_transaction_id) then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(p_amount, 2), v_available),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(p_amount, 2)::text,
                                        'available', v_available::text)::text;
    end if;
end $$;
