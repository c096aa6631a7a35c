-- The pollers: they carry orders out with the providers, run the periodic jobs and log for the operators. Of orders
-- they see what finding a lost purchase needs, beside those they have claimed; of wallets whether they are sound.

grant execute on function claim_activations, begin_purchase, abandon_purchase, record_purchase, reschedule_activation,
    refuse_cancel, apply_activation_sms, close_activation to onesms_pollers;
grant execute on function claim_periodic_jobs, finish_periodic_job, expire_holds, correct_frozen_balance,
    forget_events, redact_events to onesms_pollers;
grant select (id, user_id, status, service, country, frozen_amount, provider, provider_order_id, purchase_started_at)
    on activations to onesms_pollers;
grant select (user_id, frozen_amount) on rentals to onesms_pollers;
grant select (id, balance, frozen_balance) on users to onesms_pollers;
grant select (user_id, amount, state, activation_id, rental_id) on wallet_holds to onesms_pollers;
grant select on v_frozen_balance_health, periodic_jobs to onesms_pollers;
grant insert (level, source, message, data) on system_logs to onesms_pollers;
