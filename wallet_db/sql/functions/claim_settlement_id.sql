-- Makes sure that a transaction id which is to end a hold under another name than its own is nobody else's: neither a
-- hold's name nor what ended another. Names of holds and ids of settlements share one space: a hold can always be ended
-- under its own name. So the id is taken as a hold's name and given back: whoever is freezing under it, or ending
-- another hold with it, and has not committed yet, is waited for, and waits for us. Private.
-- Locks: wallet_holds (insert); callers hold the wallet's lock. Raises: OS005 idempotency_mismatch.
create or replace function claim_settlement_id(p_user_id uuid, p_transaction_id text) returns void
language plpgsql as $$
begin
    insert into wallet_holds (transaction_id, user_id, amount, frozen_number) values (p_transaction_id, p_user_id, 1, 0)
    on conflict (transaction_id) do nothing;
    if not found then
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    end if;
    delete from wallet_holds where transaction_id = p_transaction_id;
    if exists (select from wallet_holds where settled_by = p_transaction_id and settled_by <> transaction_id) then
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    end if;
end $$;
