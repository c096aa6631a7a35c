-- What providers were asked about an order, beside the purchases (route_attempts), and numbers to look for that nobody
-- waits for any more.

-- Written by the pollers in batches, a second after the fact, by the statement of nothing else: no purchase and no look
-- waits for it. The same answer again is a row at doubling distances only. The oldest go after EVENTS_KEPT_DAYS.
create table provider_calls (
    id        bigint       not null generated always as identity,
    order_id  uuid         not null,         -- an activation or a rental; no foreign key, which would cost each row a look
    at        timestamptz  not null,         -- of the answer
    provider  text         not null,
    method    text         not null,         -- of the providers' contract
    outcome   text         not null,         -- what was answered, in our words, or the code of the fault
    answer    text,                          -- its beginning, without whatever has a digit in it
    seconds   real,                          -- until the answer; null: it was one answer for many orders
    times     integer      not null,         -- as often was it so since the row before with the same method and outcome
    constraint provider_calls_pkey primary key (id),
    constraint provider_calls_times_positive check (times > 0)
);
create index provider_calls_of_order on provider_calls (order_id);

-- A number that may have been sold for an order whose money an operator gave back: looked for, and given back there.
create table numbers_in_doubt (
    activation_id  uuid         not null,
    provider       text         not null,
    service        text         not null,
    country        text         not null,
    begun_at       timestamptz  not null,    -- the purchase
    found_id       text,                     -- a number on the provider's list that no order has …
    found_at       timestamptz,              -- … since then at the latest
    constraint numbers_in_doubt_pkey primary key (activation_id),
    constraint numbers_in_doubt_activation_exists foreign key (activation_id) references activations,
    constraint numbers_in_doubt_found_at_a_time check ((found_id is null) = (found_at is null))
);

insert into periodic_jobs (name, every)
values ('forget_provider_calls', '1 minute'), ('return_numbers', '1 minute');

-- A number left over is money: somebody is to look.
update settings set value = value || '["NUMBER_LEFT_OVER"]'
 where key = 'alert_warnings' and not value ? 'NUMBER_LEFT_OVER';
