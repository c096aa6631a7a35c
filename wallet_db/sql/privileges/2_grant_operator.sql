-- Operators: they top up and adjust, correct what is found wrong, set prices, and read everything.

grant execute on function atomic_deposit, atomic_adjust, correct_frozen_balance, expire_holds, lock_user_wallet,
    new_epoch to onesms_operator;
grant execute on function snapshot_json, activation_json, rental_json, sms_json, operation_json, wallet_json,
    wallet_health, iso_utc to onesms_operator;
grant select on users, activations, rentals, sms_messages, wallet_holds, balance_operations, events, receipts, services,
    countries, settings, system_logs, periodic_jobs, v_frozen_balance_health to onesms_operator;
grant select on alerts, alert_tellings, alert_channels to onesms_operator;
grant insert (id, name) on users to onesms_operator;
grant update (price, rental_price_hour, timeout_refund_percent) on services to onesms_operator;
grant update (value, updated_at) on settings to onesms_operator;
grant update (every, due_at) on periodic_jobs to onesms_operator;
grant execute on function revoke_tokens to onesms_operator;
grant select on revocations to onesms_operator;

-- A break of the audit that somebody has looked into.
grant execute on function acknowledge_break to onesms_operator;
grant select on acknowledged_breaks to onesms_operator;

-- Routes: what providers call our services and countries is the operators' to say, and which routes are used.
grant execute on function set_route_state to onesms_operator;
grant select on routes, route_attempts, provider_calls, numbers_in_doubt, v_route_health to onesms_operator;
grant select, insert, update, delete on provider_services, provider_countries to onesms_operator;
grant update (margin_percent, margin_fixed, price_step, retry_on_timeout) on services to onesms_operator;

-- Orders that are stuck, and what is for sale, by hand and written down: the gateway's page for operators.
grant execute on function cancel_activation, refund_activation, cancel_rental, end_rental, set_service_price, set_service_state
    to onesms_operator;

-- How long to wait for an SMS, and what came of it.
grant execute on function set_waiting_arms to onesms_operator;
grant select on waiting_arms, v_waiting_outcomes to onesms_operator;

-- A rental whose purchase is in doubt: what the provider's own pages say, an operator may write down.
grant execute on function record_rental_purchase, close_rental to onesms_operator;
grant select on provider_accounts, account_shares, account_rests to onesms_operator;

-- What providers' accounts held, reading after reading.
grant select on provider_balances to onesms_operator;

-- What became of orders, for the operators' page and `python -m wallet_db analyze`.
grant select on v_activation_outcomes, v_service_health, v_country_health, v_response_time, v_dashboard_stats
    to onesms_operator;

-- Cards: what they cost and which rules watch them, who did what; and a creation or funding in doubt, decided by hand.
grant execute on function card_json, card_funding_json, card_transaction_json, request_card_action, ask_card_refresh,
    record_card_created, fail_card, complete_card_funding, fail_card_funding to onesms_operator;
grant select on cards, card_fundings, card_transactions, card_transitions, strowallet_card_audit,
    strowallet_webhook_events, card_reveals, card_reconciliations, card_mismatches, card_daily, card_rules,
    card_rule_hits to onesms_operator;
grant select (id, user_id, provider, status, provider_customer_id, error_code, request_id, created_at, submitted_at,
              registered_at, due_at) on card_customers to onesms_operator;
grant select (id, customer_id, user_id, kind, content_type, created_at, purge_at) on card_documents to onesms_operator;
grant select, insert, update, delete on card_offers to onesms_operator;
grant insert, update, delete on card_rules to onesms_operator;

-- Cards compared now, and a day summed up again; cards of another application taken over.
grant execute on function ask_card_reconciliation, sum_card_day, import_card, import_card_webhook to onesms_operator;
