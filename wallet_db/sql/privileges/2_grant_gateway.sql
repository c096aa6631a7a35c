-- The gateway: it writes that a user wants to buy or to cancel, makes users' rows and keeps receipts. It reads what
-- users may see. The money moves inside the functions.

grant execute on function create_activation, request_cancel to onesms_gateway;
grant execute on function create_rental, request_rental_cancel, request_rental_finish, request_extension
    to onesms_gateway;
grant execute on function request_another_sms, request_finish, request_check, enter_sms to onesms_gateway;
grant execute on function snapshot_json, activation_json, rental_json, sms_json, operation_json, wallet_json, iso_utc,
    service_prices_json, rental_countries_json, offers_json to onesms_gateway;
grant select on users, activations, rentals, sms_messages, balance_operations, events, receipts, services, countries,
    settings, periodic_jobs to onesms_gateway;
grant insert (id, name) on users to onesms_gateway;
grant insert (user_id, seq, transport, type, order_id) on receipts to onesms_gateway;

-- An operator revokes tokens through it, and it forgets what concerns none any more.
grant execute on function revoke_tokens, forget_revocations to onesms_gateway;
grant select on revocations to onesms_gateway;
grant select, insert, delete on tickets to onesms_gateway;

-- What it has answered, by Idempotency-Key.
grant select, insert, update, delete on kept_answers to onesms_gateway;

-- What it hears of orders and users, for the pollers to act on.
grant execute on function hint_order, note_presence to onesms_gateway;

-- Cards: what their owners want of them, and what they may see. The sealed columns are opened for owners only, by the
-- keys of the gateway; documents and a customer's details it writes and never reads again.
grant execute on function create_card_customer, read_card_customer, create_card, request_card_funding,
    request_card_action, ask_card_refresh, ask_card_reveal, take_card_webhook to onesms_gateway;
grant execute on function card_json, card_funding_json, card_transaction_json to onesms_gateway;
grant select on cards, card_fundings, card_transactions, card_offers, strowallet_card_audit to onesms_gateway;
