-- A service beside ours that moves money: it tops up, holds, spends and gives back, and reads what came of it. It does
-- not adjust.

grant execute on function atomic_freeze, atomic_commit, atomic_refund, atomic_deposit, lock_user_wallet
    to onesms_wallet;
grant execute on function operation_json, wallet_json, iso_utc to onesms_wallet;
grant select on users, wallet_holds, balance_operations to onesms_wallet;
