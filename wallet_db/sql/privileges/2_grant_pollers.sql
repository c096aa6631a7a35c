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
grant select (user_id, amount, state, activation_id, rental_id) on wallet_holds to onesms_pollers;
grant select on v_frozen_balance_health, periodic_jobs to onesms_pollers;
grant insert (level, source, message, data) on system_logs to onesms_pollers;
grant execute on function fold_alerts, alerts_to_tell, mark_alerts_told, rest_alert_channel, close_alerts,
    alerts_over, mark_alerts_over to onesms_pollers;
grant select (level, closed_at) on alerts to onesms_pollers;
grant execute on function claim_account_looks, finish_account_look, read_open_orders, hint_absent, uncover_orders
    to onesms_pollers;
grant execute on function share_accounts, leave_accounts, rest_account, was_hinted, read_backlog to onesms_pollers;
grant execute on function claim_late_looks, finish_late_looks, tell_overdue to onesms_pollers;

-- Reconciling: sums and states of orders by provider, and the readings of balances.
grant execute on function provider_books, provider_orders, record_provider_balance to onesms_pollers;
