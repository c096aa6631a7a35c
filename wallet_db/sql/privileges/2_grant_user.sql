-- A layer that reads for one user at a time: the rows are that user's alone (see 3_rows.sql), and from whom and for how
-- much we bought is not among the columns. It moves no money and places no order.

grant execute on function claimed_user_id, sms_json, wallet_json, iso_utc to onesms_user;
grant select on users, sms_messages, wallet_holds, events, receipts, services, countries to onesms_user;
grant select (id, user_id, service, country, status, price, frozen_amount, idempotency_key, phone, error_code,
              created_at, purchased_at, expires_at, cancel_requested_at, cancel_allowed_at, closed_at, max_price,
              retry_countries, retry_of, retry_number, retried_by, retry_refused, waits_until)
    on activations to onesms_user;
grant select (id, user_id, service, country, status, hours, price, frozen_amount, idempotency_key, phone, error_code,
              created_at, purchased_at, ends_at, cancel_requested_at, closed_at)
    on rentals to onesms_user;
grant select (user_id, number, type, amount, balance_before, balance_after, frozen_before, frozen_after,
              available_before, available_after, transaction_id, hold_transaction_id, activation_id, rental_id, reason,
              created_at)
    on balance_operations to onesms_user;
grant select (id, user_id, provider, status, brand, currency, balance, checked_at, wanted_action, wanted_at, error_code,
              created_at, activated_at, closed_at)
    on cards to onesms_user;
grant select (id, card_id, user_id, kind, usd, price, frozen_amount, status, idempotency_key, error_code, created_at,
              ended_at)
    on card_fundings to onesms_user;
grant select on card_transactions to onesms_user;
