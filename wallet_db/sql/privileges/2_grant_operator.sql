-- Operators: they top up and adjust, correct what is found wrong, set prices, and read everything.

grant execute on function atomic_deposit, atomic_adjust, correct_frozen_balance, expire_holds, lock_user_wallet,
    new_epoch to onesms_operator;
grant execute on function snapshot_json, activation_json, rental_json, sms_json, operation_json, wallet_json,
    wallet_health, iso_utc to onesms_operator;
grant select on users, activations, rentals, sms_messages, wallet_holds, balance_operations, events, receipts, services,
    countries, settings, system_logs, periodic_jobs, v_frozen_balance_health to onesms_operator;
grant insert (id, name) on users to onesms_operator;
grant update (price, timeout_refund_percent) on services to onesms_operator;
grant update (value, updated_at) on settings to onesms_operator;
grant update (every, due_at) on periodic_jobs to onesms_operator;
grant execute on function revoke_tokens to onesms_operator;
grant select on revocations to onesms_operator;
