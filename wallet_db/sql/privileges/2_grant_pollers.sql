-- The pollers: they carry orders out with the providers, run the periodic jobs and log for the operators. Of orders
-- they see what finding a lost purchase needs, beside those they have claimed; of wallets whether they are sound.

grant execute on function claim_activations, begin_purchase, pass_purchase, abandon_purchase, record_purchase,
    reschedule_activation, refuse_cancel, apply_activation_sms, close_activation, end_unserved, tried_providers
    to onesms_pollers;
grant execute on function read_routes, record_prices, judge_routes to onesms_pollers;
grant select on provider_services, provider_countries to onesms_pollers;
grant select (service, price) on services to onesms_pollers;
grant execute on function claim_rentals, begin_rental_purchase, abandon_rental_purchase, record_rental_purchase,
    reschedule_rental, refuse_rental_cancel, apply_rental_sms, close_rental, begin_extension, abandon_extension,
    record_extension, refuse_extension to onesms_pollers;
grant execute on function record_another_sms to onesms_pollers;
grant execute on function claim_periodic_jobs, finish_periodic_job, expire_holds, correct_frozen_balance,
    forget_events, redact_events to onesms_pollers;
grant select (id, user_id, status, service, country, frozen_amount, provider, provider_order_id, purchase_started_at)
    on activations to onesms_pollers;
grant select (id, user_id, status, service, country, hours, frozen_amount, provider, provider_order_id, error_code,
              purchase_started_at, closed_at)
    on rentals to onesms_pollers;
grant select (id, balance, frozen_balance) on users to onesms_pollers;
grant select (user_id, amount, state, activation_id, rental_id, funding_id) on wallet_holds to onesms_pollers;
grant select on v_frozen_balance_health, periodic_jobs to onesms_pollers;
grant insert (level, source, message, data) on system_logs to onesms_pollers;
grant insert (order_id, at, provider, method, outcome, answer, seconds, times) on provider_calls to onesms_pollers;
grant execute on function forget_provider_calls to onesms_pollers;

-- Numbers that may have been sold for orders that are refunded: looked for, given back, and forgotten.
grant select, delete, update (found_id, found_at) on numbers_in_doubt to onesms_pollers;

grant execute on function fold_alerts, alerts_to_tell, mark_alerts_told, rest_alert_channel, close_alerts,
    alerts_over, mark_alerts_over to onesms_pollers;
grant select (level, closed_at) on alerts to onesms_pollers;
grant execute on function claim_account_looks, finish_account_look, read_open_orders, hint_absent, uncover_orders
    to onesms_pollers;
grant execute on function share_accounts, leave_accounts, rest_account, was_hinted, read_backlog to onesms_pollers;
grant execute on function claim_late_looks, finish_late_looks, tell_overdue to onesms_pollers;

-- Reconciling: sums and states of orders by provider, and the readings of balances.
grant execute on function provider_books, provider_orders, record_provider_balance to onesms_pollers;

-- Cards: they carry out what is wanted with the providers, and compare the books.
grant execute on function claim_card_customers, read_card_documents, begin_card_customer, abandon_card_customer,
    record_card_customer, fail_card_customer, reschedule_card_customer to onesms_pollers;
grant execute on function claim_cards, begin_card_creation, abandon_card_creation, record_card_created, fail_card,
    record_card_state, record_card_transactions, begin_card_action, abandon_card_action, refuse_card_action,
    reschedule_card, read_card_doubts, ask_card_refresh, request_card_action to onesms_pollers;
grant execute on function claim_card_fundings, begin_card_funding, abandon_card_funding, accept_card_funding,
    complete_card_funding, fail_card_funding, reschedule_card_funding to onesms_pollers;
grant execute on function claim_card_webhooks, finish_card_webhook, reschedule_card_webhook, claim_card_reveals,
    finish_card_reveal, purge_card_documents, purge_card_numbers to onesms_pollers;
grant select (id, user_id, customer_id, provider, provider_card_id, status, balance, currency, checked_at,
              wanted_action, created_at, activated_at, closed_at, imported_at) on cards to onesms_pollers;
grant select (id, card_id, user_id, kind, usd, price, frozen_amount, status, provider_reference,
              provider_transaction_id, begun_at, accepted_at, created_at, ended_at, error_code)
    on card_fundings to onesms_pollers;
grant select on card_transactions to onesms_pollers;

-- Cards looked after: compared with the provider's, judged by rules, summed up, and forgotten in time.
grant execute on function ask_card_reconciliation, claim_card_reconciliations, read_cards_to_compare,
    record_card_mismatch, advance_card_reconciliation, finish_card_reconciliation to onesms_pollers;
grant execute on function read_unjudged_card_transactions, mark_card_transactions_judged, note_card_rule_hit,
    card_alarm_figures, sum_card_day, purge_card_payloads, forget_card_reveals to onesms_pollers;
grant select on card_reconciliations, card_rules to onesms_pollers;
