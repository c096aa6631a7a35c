-- The tables of OneSMS. Money is numeric(14,2): exact, two decimals, no floats anywhere.
-- A constraint's name is the rule it keeps; errors name it, so operators read the rule and not a number.

create table users (
    id                   uuid          not null default gen_random_uuid(),
    name                 text,
    balance              numeric(14,2) not null default 0,   -- all the user owns
    frozen_balance       numeric(14,2) not null default 0,   -- the part held for open orders
    event_seq            bigint        not null default 0,   -- seq of the user's newest event: 1, 2, 3 … without a gap
    last_operation       text,                               -- what changed the money last; (type, transaction) never
    last_amount          numeric(14,2),                      --   repeats, so the event trigger can tell a wallet
    last_transaction_id  text,                               --   operation from a change made by hand
    created_at           timestamptz   not null default now(),
    constraint users_pkey primary key (id),
    constraint users_name_is_unique unique (name),
    constraint users_balance_not_negative check (balance >= 0),
    constraint users_frozen_not_negative check (frozen_balance >= 0),
    constraint users_frozen_within_balance check (frozen_balance <= balance)
) with (fillfactor = 70);  -- room for HOT updates: no index covers a column that changes

-- What is sold. `code` is the de-facto standard code of the SMS-Activate protocol ('wa', '6'); callers may use either.
create table services (
    service                 text          not null,
    code                    text          not null,
    title                   text          not null,
    price                   numeric(14,2),                   -- null: not sold
    timeout_refund_percent  integer,                         -- null: the setting of the same name
    constraint services_pkey primary key (service),
    constraint services_code_is_unique unique (code),
    constraint services_price_positive check (price > 0),
    constraint services_timeout_refund_percent_in_range check (timeout_refund_percent between 0 and 100)
);

create table countries (
    country  text not null,
    code     text not null,
    title    text not null,
    constraint countries_pkey primary key (country),
    constraint countries_code_is_unique unique (code)
);

-- ordering ─► pending ─► received ─► completed
--    │           ├─────► cancelled
--    ├► failed   └─────► timeout
--    └► cancelled (before anything was bought)
create table activations (
    id                   uuid          not null default gen_random_uuid(),
    user_id              uuid          not null,
    service              text          not null,
    country              text          not null,
    status               text          not null default 'ordering',
    price                numeric(14,2) not null,
    frozen_amount        numeric(14,2) not null,             -- what this order still holds of the user's wallet
    idempotency_key      text,
    provider             text,                               -- set before the provider is asked: the written intent
    provider_order_id    text,
    provider_cost        numeric(14,4),
    phone                text,
    error_code           text,                               -- why it failed, or why the last cancel was refused
    created_at           timestamptz   not null default now(),
    purchase_started_at  timestamptz,                        -- from here on it may have been bought: never buy again
    purchased_at         timestamptz,
    expires_at           timestamptz,
    cancel_requested_at  timestamptz,
    cancel_allowed_at    timestamptz,                        -- the provider refused to cancel before this
    closed_at            timestamptz,
    due_at               timestamptz            default now(),  -- the row is the job; null: nothing left to do
    constraint activations_pkey primary key (id),
    constraint activations_user_exists foreign key (user_id) references users,
    constraint activations_service_exists foreign key (service) references services,
    constraint activations_country_exists foreign key (country) references countries,
    constraint activations_idempotency_key_once_per_user unique (user_id, idempotency_key),
    constraint activations_provider_order_is_unique unique (provider, provider_order_id),
    constraint activations_status_known check
        (status in ('ordering', 'pending', 'received', 'completed', 'cancelled', 'timeout', 'failed')),
    constraint activations_price_positive check (price > 0),
    constraint activations_frozen_only_while_unserved check
        (frozen_amount = case when status in ('ordering', 'pending') then price else 0 end),
    constraint activations_open_is_a_job check
        ((closed_at is not null) = (status in ('completed', 'cancelled', 'timeout', 'failed'))
         and (closed_at is not null) = (due_at is null)),
    constraint activations_bought_has_phone check
        (status in ('ordering', 'cancelled', 'failed') or phone is not null)
) with (fillfactor = 80);
create index activations_due on activations (due_at) where due_at is not null;
create index activations_of_user on activations (user_id, created_at desc, id desc);

-- ordering ─► active ─► completed | cancelled | expired
--    └► failed
create table rentals (
    id                   uuid          not null default gen_random_uuid(),
    user_id              uuid          not null,
    service              text          not null,
    country              text          not null,
    status               text          not null default 'ordering',
    hours                integer       not null,
    price                numeric(14,2) not null,
    frozen_amount        numeric(14,2) not null,
    idempotency_key      text,
    provider             text,
    provider_order_id    text,
    provider_cost        numeric(14,4),
    phone                text,
    error_code           text,
    created_at           timestamptz   not null default now(),
    purchase_started_at  timestamptz,
    purchased_at         timestamptz,
    ends_at              timestamptz,
    cancel_requested_at  timestamptz,
    closed_at            timestamptz,
    due_at               timestamptz            default now(),
    constraint rentals_pkey primary key (id),
    constraint rentals_user_exists foreign key (user_id) references users,
    constraint rentals_service_exists foreign key (service) references services,
    constraint rentals_country_exists foreign key (country) references countries,
    constraint rentals_idempotency_key_once_per_user unique (user_id, idempotency_key),
    constraint rentals_provider_order_is_unique unique (provider, provider_order_id),
    constraint rentals_status_known check
        (status in ('ordering', 'active', 'completed', 'cancelled', 'expired', 'failed')),
    constraint rentals_hours_positive check (hours > 0),
    constraint rentals_price_positive check (price > 0),
    constraint rentals_frozen_only_while_unserved check
        (frozen_amount = case when status in ('ordering', 'active') then price else 0 end),
    constraint rentals_open_is_a_job check
        ((closed_at is not null) = (status in ('completed', 'cancelled', 'expired', 'failed'))
         and (closed_at is not null) = (due_at is null))
);
create index rentals_due on rentals (due_at) where due_at is not null;
create index rentals_of_user on rentals (user_id, created_at desc, id desc);

create table sms_messages (
    id                   bigint        not null generated always as identity,
    user_id              uuid          not null,
    activation_id        uuid,
    rental_id            uuid,
    code                 text,
    text                 text          not null,
    provider_message_id  text          not null,             -- the provider's id, or a digest of what it said
    received_at          timestamptz   not null default now(),
    constraint sms_messages_pkey primary key (id),
    constraint sms_messages_user_exists foreign key (user_id) references users,
    constraint sms_messages_activation_exists foreign key (activation_id) references activations,
    constraint sms_messages_rental_exists foreign key (rental_id) references rentals,
    constraint sms_messages_of_one_order check (num_nonnulls(activation_id, rental_id) = 1),
    constraint sms_messages_once_per_activation unique (activation_id, provider_message_id),
    constraint sms_messages_once_per_rental unique (rental_id, provider_message_id)
);

-- One row a freeze: held ─► committed | refunded, at most once. The order's key is checked at commit time, because the
-- freeze may come before the order's row.
create table wallet_holds (
    id                 bigint        not null generated always as identity,
    user_id            uuid          not null,
    transaction_id     text          not null,
    amount             numeric(14,2) not null,
    state              text          not null default 'held',
    committed_amount   numeric(14,2) not null default 0,
    refunded_amount    numeric(14,2) not null default 0,
    activation_id      uuid,
    rental_id          uuid,
    reason             text          not null,
    created_at         timestamptz   not null default now(),
    settled_at         timestamptz,
    settled_by         text,                                 -- transaction id of the commit or refund that ended it
    constraint wallet_holds_pkey primary key (id),
    constraint wallet_holds_user_exists foreign key (user_id) references users,
    constraint wallet_holds_activation_exists foreign key (activation_id) references activations
        deferrable initially deferred,
    constraint wallet_holds_rental_exists foreign key (rental_id) references rentals deferrable initially deferred,
    constraint wallet_holds_transaction_is_unique unique (transaction_id),
    constraint wallet_holds_amount_positive check (amount > 0),
    constraint wallet_holds_state_known check (state in ('held', 'committed', 'refunded')),
    constraint wallet_holds_of_at_most_one_order check (num_nonnulls(activation_id, rental_id) <= 1),
    constraint wallet_holds_ends_once_and_whole check (
        committed_amount >= 0 and refunded_amount >= 0
        and committed_amount + refunded_amount = case state when 'held' then 0 else amount end
        and (settled_at is null) = (state = 'held') and (settled_by is null) = (state = 'held'))
);
create index wallet_holds_of_activation on wallet_holds (activation_id) where activation_id is not null;
create index wallet_holds_of_rental on wallet_holds (rental_id) where rental_id is not null;
create index wallet_holds_open on wallet_holds (user_id) include (amount) where state = 'held';

-- The audit: append-only, before and after of all three figures, one rule per type.
create table balance_operations (
    id                bigint        not null generated always as identity,
    user_id           uuid          not null,
    type              text          not null,
    amount            numeric(14,2) not null,
    balance_before    numeric(14,2) not null,
    balance_after     numeric(14,2) not null,
    frozen_before     numeric(14,2) not null,
    frozen_after      numeric(14,2) not null,
    available_before  numeric(14,2) not null generated always as (balance_before - frozen_before) stored,
    available_after   numeric(14,2) not null generated always as (balance_after - frozen_after) stored,
    transaction_id    text          not null,
    hold_id           bigint,
    activation_id     uuid,
    rental_id         uuid,
    reason            text          not null,
    created_at        timestamptz   not null default now(),
    constraint balance_operations_pkey primary key (id),
    constraint balance_operations_user_exists foreign key (user_id) references users,
    constraint balance_operations_hold_exists foreign key (hold_id) references wallet_holds,
    constraint balance_operations_type_known check (type in ('freeze', 'commit', 'refund', 'deposit', 'adjust')),
    constraint balance_operations_once_per_transaction unique (transaction_id, type),
    constraint balance_operations_amount_positive check (amount > 0 or (type = 'adjust' and amount <> 0)),
    constraint balance_operations_freeze_moves_available_to_frozen check (type <> 'freeze'
        or (balance_after = balance_before and frozen_after = frozen_before + amount)),
    constraint balance_operations_commit_spends_frozen check (type <> 'commit'
        or (balance_after = balance_before - amount and frozen_after = frozen_before - amount)),
    constraint balance_operations_refund_moves_frozen_to_available check (type <> 'refund'
        or (balance_after = balance_before and frozen_after = frozen_before - amount)),
    constraint balance_operations_deposit_adds_to_balance check (type <> 'deposit'
        or (balance_after = balance_before + amount and frozen_after = frozen_before)),
    constraint balance_operations_adjust_moves_balance check (type <> 'adjust'
        or (balance_after = balance_before + amount and frozen_after = frozen_before)),
    constraint balance_operations_only_holds_freeze check ((hold_id is not null) = (type in ('freeze', 'commit', 'refund')))
);
create index balance_operations_of_user on balance_operations (user_id, id desc);

-- The outbox. `id` is the follower's position; (user_id, seq) is the user's: gapless and in commit order.
create table events (
    id        bigint      not null generated always as identity,
    user_id   uuid        not null,
    seq       bigint      not null,
    type      text        not null,
    payload   jsonb       not null,
    at        timestamptz not null default now(),
    constraint events_pkey primary key (user_id, seq),
    constraint events_user_exists foreign key (user_id) references users,
    constraint events_id_is_unique unique (id),
    constraint events_seq_positive check (seq > 0)
);

create table settings (
    key         text        not null,
    value       jsonb       not null,
    updated_at  timestamptz not null default now(),
    constraint settings_pkey primary key (key),
    constraint settings_timeout_refund_percent_in_range check (
        case when key <> 'timeout_refund_percent' then true
             when jsonb_typeof(value) <> 'number' then false
             else value::numeric between 0 and 100 and value::numeric = trunc(value::numeric) end)
);

create table system_logs (
    id       bigint      not null generated always as identity,
    at       timestamptz not null default now(),
    level    text        not null,
    source   text        not null,
    message  text        not null,
    data     jsonb       not null default '{}',
    constraint system_logs_pkey primary key (id),
    constraint system_logs_level_known check (level in ('debug', 'info', 'warning', 'error', 'critical'))
);
create index system_logs_by_time on system_logs (at desc);
