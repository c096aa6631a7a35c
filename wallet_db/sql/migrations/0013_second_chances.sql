-- Second chances. An order whose SMS did not come in time may be tried again, as an order of its own, where the chain
-- of orders has not tried yet; and how long to wait for an SMS can be found out by experiment.

alter table activations
    add column max_price         numeric(14,2),              -- the user's limit, for every order of the chain
    add column retry_countries   text[],                     -- where to try again, its own first; null: nowhere
    add column retry_of          uuid,                       -- the first order of the chain; null: this is one
    add column retry_number      integer,                    -- 1, 2, 3 … in the chain; null with the first
    add column retried_by        uuid,                       -- the order that followed it, made when this one ended
    add column retry_refused     text,                       -- or why none did
    add column waiting_arm_id    integer,                    -- of the experiment it takes part in
    add column waits_until       timestamptz;                -- then it is given up; null: when the number expires

-- No foreign keys, for every purchase would pay for them: the functions keep what refers to what. This index has
-- entries of retries only; it finds a chain, and is why an order is followed by one order and never two.
create unique index activations_retried_once on activations (retry_of, retry_number) where retry_of is not null;

alter table services add column retry_on_timeout boolean;    -- null: the setting of the same name

insert into settings (key, value) values ('retry_on_timeout', 'false'), ('timeout_retries_max', '2')
    on conflict do nothing;
alter table settings add constraint settings_retry_on_timeout_is_said check (
    key <> 'retry_on_timeout' or value in ('true', 'false'));
alter table settings add constraint settings_timeout_retries_max_in_range check (
    case when key <> 'timeout_retries_max' then true
         when jsonb_typeof(value) <> 'number' then false
         else value::numeric between 0 and 10 and value::numeric = trunc(value::numeric) end);

-- The arms of experiments about waiting: orders of the service fall to those that have not ended, by weight. Rows stay,
-- for orders name them.
create table waiting_arms (
    id          integer      not null generated always as identity,
    service     text         not null,
    arm         text         not null,
    wait_s      integer,                                     -- from the purchase; null: as long as the number lives
    weight      integer      not null default 1,
    started_at  timestamptz  not null default now(),         -- one for all arms of an experiment
    ended_at    timestamptz,
    constraint waiting_arms_pkey primary key (id),
    constraint waiting_arms_service_exists foreign key (service) references services,
    constraint waiting_arms_arm_is_unique unique (service, started_at, arm),
    constraint waiting_arms_arm_is_named check (length(arm) between 1 and 50),
    constraint waiting_arms_wait_s_in_range check (wait_s between 1 and 7200),
    constraint waiting_arms_weight_in_range check (weight between 1 and 1000),
    constraint waiting_arms_ends_after_its_start check (ended_at >= started_at)
);
create unique index waiting_arms_running on waiting_arms (service, arm) where ended_at is null;

-- Their arguments or columns change.
drop function if exists create_activation(uuid, text, text, text, numeric, timestamptz);
drop function if exists retail_price(services, text, timestamptz);
drop function if exists claim_activations(integer, interval, timestamptz);
