-- Makes sure that a transaction id which is to end a hold under another name than its own does that once: that it has
-- not ended another hold, and is not another hold's name, which would be a caller's mistake. Private.
-- Two that want to end two users' holds with one id hold different wallets, so they take turns at the id itself.
-- Locks: the id (advisory), after the wallet, which the caller holds. Raises: OS005 idempotency_mismatch.
drop function if exists claim_settlement_id(uuid, text);
create or replace function claim_settlement_id(p_transaction_id text) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(p_transaction_id, 20307));
    if exists (select from wallet_holds where transaction_id = p_transaction_id)
       or exists (select from wallet_holds where settled_by = p_transaction_id and settled_by <> transaction_id) then
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    end if;
end $$;
