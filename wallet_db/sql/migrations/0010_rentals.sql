-- Rentals come to life, and orders can be helped along by hand.
--   * A rental costs so much an hour. It may be extended: the extra is a further hold of it, so what an open rental
--     holds is what its open holds sum up to, and no longer its price.
--   * Before a number is rented, what the provider's list has that we do not know is noted. Whatever is new on it
--     afterwards was rented since: rents have no idempotency key, so this is what makes an orphan certain.
--   * A served activation may wait for another SMS, be finished early, and be looked at when its owner asks.

alter table services
    add column rental_price_hour numeric(14,2),              -- null: not rented out
    add constraint services_rental_price_hour_positive check (rental_price_hour > 0);

alter table rentals
    add column purchase_seen             text[],             -- unknown to us upstream, before; null: there is no list
    add column cancel_allowed_at         timestamptz,        -- the provider refused to cancel before this
    add column finish_requested_at       timestamptz,
    add column extension_hours           integer,            -- the newest extension: requested ─► extended | refused
    add column extension_price           numeric(14,2),
    add column extension_status          text,
    add column extension_transaction_id  text,               -- of its hold
    add column extension_error_code      text,
    add column extension_requested_at    timestamptz,
    add column extension_started_at      timestamptz,        -- from here on it may have been sold: never buy again
    drop constraint rentals_frozen_only_while_unserved,
    add constraint rentals_frozen_only_while_unserved
        check (case when status in ('ordering', 'active') then frozen_amount > 0 else frozen_amount = 0 end),
    add constraint rentals_active_has_phone
        check (status in ('ordering', 'cancelled', 'failed') or provider_order_id is null or phone is not null),
    add constraint rentals_extension_status_known check (extension_status in ('requested', 'extended', 'refused')),
    add constraint rentals_extension_is_whole check (num_nonnulls(
        extension_hours, extension_price, extension_status, extension_transaction_id, extension_requested_at) in (0, 5)),
    add constraint rentals_extension_ends_with_it check (extension_status <> 'requested' or closed_at is null),
    add constraint rentals_extension_begins_once_requested
        check (extension_started_at is null or extension_status = 'requested');

-- Where an open rental has lost one of several holds, it has to say what the others hold.
update rentals r
   set frozen_amount = h.amount
  from (select rental_id, sum(amount) as amount from wallet_holds
         where state = 'held' and rental_id is not null group by rental_id) h
 where h.rental_id = r.id and r.status in ('ordering', 'active') and r.frozen_amount <> h.amount;

alter table activations
    add column another_sms_requested_at  timestamptz,        -- the user wants one more
    add column another_sms_asked_at      timestamptz,        -- the provider waits for it
    add column finish_requested_at       timestamptz,
    add column check_requested_at        timestamptz,
    add column checked_at                timestamptz;        -- the end of the last look

insert into settings (key, value) values ('open_orders_per_user_max', '200'), ('late_sms', '"charge"')
    on conflict do nothing;
alter table settings add constraint settings_late_sms_known check (
    key <> 'late_sms' or value in ('"charge"', '"give"', '"ignore"'));
alter table settings add constraint settings_open_orders_per_user_max_counts check (
    case when key <> 'open_orders_per_user_max' then true
         when jsonb_typeof(value) <> 'number' then false
         else value::numeric >= 0 and value::numeric = trunc(value::numeric) end);

drop function if exists claim_activations(integer, interval, timestamptz);  -- it returns more columns now
drop function if exists apply_activation_sms(uuid, text, text, text, timestamptz);  -- it takes an actor now
