-- Several providers. A route is one provider's offer of a service in a country; an attempt is one try of an order on a
-- route. Codes are each provider's own words for our services and countries: where one is lacking, there is no route.

create table provider_services (
    provider  text not null,
    service   text not null,
    code      text not null,
    constraint provider_services_pkey primary key (provider, service),
    constraint provider_services_service_exists foreign key (service) references services,
    constraint provider_services_code_is_unique unique (provider, code)
);

create table provider_countries (
    provider  text not null,
    country   text not null,
    code      text not null,
    constraint provider_countries_pkey primary key (provider, country),
    constraint provider_countries_country_exists foreign key (country) references countries,
    constraint provider_countries_code_is_unique unique (provider, code)
);

-- What a provider tells of a route, and whether it is used. Without a row nothing is known, and it is used.
create table routes (
    provider      text          not null,
    service       text          not null,
    country       text          not null,
    cost          numeric(14,4),                             -- in the account's currency, as of priced_at
    stock         integer,
    told_success  real,                                      -- the provider's own word, 0 to 1; null: it does not say
    priced_at     timestamptz,
    state         text          not null default 'enabled',
    decided_by    text          not null default 'rule',     -- what an operator decides, the rule leaves alone
    reason        text,
    changed_at    timestamptz   not null default now(),      -- of the state
    constraint routes_pkey primary key (service, country, provider),
    constraint routes_service_exists foreign key (service) references services,
    constraint routes_country_exists foreign key (country) references countries,
    constraint routes_cost_positive check (cost > 0),
    constraint routes_stock_not_negative check (stock >= 0),
    constraint routes_told_success_is_a_share check (told_success between 0 and 1),
    constraint routes_state_known check (state in ('enabled', 'warned', 'disabled')),
    constraint routes_decided_by_known check (decided_by in ('rule', 'operator'))
) with (fillfactor = 70);

-- One row a try, the order's number 1, 2, 3 …; the last one is what became of the order. `served` is what success is
-- counted from: a number that had its SMS, or had the time to have it. Who cancels within a minute proves nothing.
create table route_attempts (
    activation_id  uuid         not null,
    number         integer      not null,
    provider       text         not null,
    service        text         not null,
    country        text         not null,
    started_at     timestamptz  not null,
    ended_at       timestamptz,                              -- of the request: null while nobody knows its outcome
    outcome        text,                                     -- 'sold', or the code of the refusal
    sms_at         timestamptz,
    closed_at      timestamptz,
    status         text,                                     -- the order's at its end, or 'ended' by the provider
    served         boolean      generated always as (
        case when outcome is distinct from 'sold' then null
             when sms_at is not null then true
             when status in ('timeout', 'ended')
                  or (status = 'cancelled' and closed_at - ended_at >= interval '1 minute') then false end) stored,
    constraint route_attempts_pkey primary key (activation_id, number),
    constraint route_attempts_activation_exists foreign key (activation_id) references activations,
    constraint route_attempts_ended_with_an_outcome check ((ended_at is null) = (outcome is null))
) with (fillfactor = 70);  -- no index covers what changes
create index route_attempts_of_route on route_attempts (service, country, provider, started_at);
-- Rows come in the order of time, so the last day of all routes together is found by the blocks it lies in.
create index route_attempts_of_a_time on route_attempts using brin (started_at) with (pages_per_range = 16);

alter table activations add column attempts integer not null default 0;

-- A price made of what the cheapest usable route costs: cost + margin_percent + margin_fixed, rounded up to a multiple
-- of price_step. margin_percent null: `price` as it stands, which is also the price while no cost is known.
alter table services
    add column margin_percent  numeric(8,2),
    add column margin_fixed    numeric(14,2) not null default 0,
    add column price_step      numeric(14,2) not null default 0.01,
    add column warned_at       timestamptz,                  -- since when its success is below the rule's bound
    add constraint services_margin_percent_not_negative check (margin_percent >= 0),
    add constraint services_margin_fixed_not_negative check (margin_fixed >= 0),
    add constraint services_price_step_positive check (price_step > 0);

insert into settings (key, value) values ('route_prices_max_age_s', '7200');
alter table settings add constraint settings_route_prices_max_age_s_positive check (
    case when key <> 'route_prices_max_age_s' then true
         when jsonb_typeof(value) <> 'number' then false
         else value::numeric between 1 and 31536000 end);

-- HeroSMS took over the codes of the SMS-Activate protocol; 5sim has names of its own, and sells virtual numbers of the
-- USA as an operator of the USA. Prices of 5sim are megabytes: read less often.
insert into provider_services (provider, service, code)
select provider, service, code from services, unnest(array['sms_activate', 'herosms']) provider;
insert into provider_countries (provider, country, code)
select provider, country, code from countries, unnest(array['sms_activate', 'herosms']) provider;
insert into provider_services (provider, service, code) select 'fivesim', service, service from services;
insert into provider_countries (provider, country, code)
select 'fivesim', country, country from countries where country <> 'usavirtual';

insert into periodic_jobs (name, every) values
    ('refresh_prices:sms_activate', '5 minutes'), ('refresh_prices:herosms', '5 minutes'),
    ('refresh_prices:fivesim', '30 minutes'), ('judge_routes', '1 minute');

-- Their arguments or columns change.
drop function if exists abandon_purchase(uuid, timestamptz);
drop function if exists close_activation(uuid, text, text, timestamptz);
drop function if exists claim_activations(integer, interval, timestamptz);
