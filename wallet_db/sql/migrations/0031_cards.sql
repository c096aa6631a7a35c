-- Virtual cards: customers, cards, money put on them, what was spent with them, and who did what to a card.
--   * Amounts of a card are US dollars (`usd`); what the wallet pays for them is `price`.
--   * What tells whose card it is stays sealed (AES-256-GCM by the processes, which have the keys): the database sees
--     bytes. A full number or a CVV has no column anywhere.
--   * A row that needs work has due_at, as orders do.

-- What a card costs, in the wallet's money.
create table card_offers (
    provider              text          not null,
    creation_fee          numeric(14,2) not null,
    usd_price             numeric(14,6) not null,            -- of one dollar on a card
    funding_fee_percent   numeric(5,2)  not null default 0,  -- of the dollars' price, the first ones' too
    usd_min               numeric(14,2) not null,
    usd_max               numeric(14,2) not null,            -- of one funding
    on_sale               boolean       not null default false,
    constraint card_offers_pkey primary key (provider),
    constraint card_offers_creation_fee_not_negative check (creation_fee >= 0),
    constraint card_offers_usd_price_positive check (usd_price > 0),
    constraint card_offers_funding_fee_percent_in_range check (funding_fee_percent between 0 and 100),
    constraint card_offers_usd_in_order check (usd_min > 0 and usd_max >= usd_min)
);

-- Whom a provider knows: one of a user with each. submitting ─► registered | failed
create table card_customers (
    id                    uuid         not null,             -- chosen by who sealed the details: it is sealed with them
    user_id               uuid         not null,
    provider              text         not null,
    status                text         not null default 'submitting',
    provider_customer_id  text,
    details               bytea,                             -- sealed; null: failed, and nobody needs them any more
    email_digest          bytea        not null,             -- the provider knows a customer by the address
    error_code            text,
    request_id            text,
    idempotency_key       text,
    request_digest        bytea,
    created_at            timestamptz  not null default now(),
    submitted_at          timestamptz,                       -- begun: from here on the provider may know it
    registered_at         timestamptz,
    due_at                timestamptz           default now(),
    constraint card_customers_pkey primary key (id),
    constraint card_customers_user_exists foreign key (user_id) references users,
    constraint card_customers_idempotency_key_once_per_user unique (user_id, idempotency_key),
    constraint card_customers_status_known check (status in ('submitting', 'registered', 'failed')),
    constraint card_customers_submitting_is_a_job check ((status = 'submitting') = (due_at is not null)),
    constraint card_customers_known_has_details check (status = 'failed' or details is not null),
    constraint card_customers_registered_is_whole check
        ((status = 'registered') = (num_nonnulls(provider_customer_id, registered_at) = 2)
         and num_nonnulls(provider_customer_id, registered_at) in (0, 2))
);
create unique index card_customers_one_of_a_user on card_customers (user_id, provider) where status <> 'failed';
create unique index card_customers_one_of_an_address on card_customers (provider, email_digest)
    where status <> 'failed';
create index card_customers_due on card_customers (due_at) where due_at is not null;

-- Who a customer is, in pictures. Sealed; gone at purge_at.
create table card_documents (
    id            uuid         not null,                     -- chosen by who sealed it
    customer_id   uuid         not null,
    user_id       uuid         not null,
    kind          text         not null,
    content_type  text         not null,
    sealed        bytea        not null,
    created_at    timestamptz  not null default now(),
    purge_at      timestamptz,                               -- null: the provider has not decided yet
    constraint card_documents_pkey primary key (id),
    constraint card_documents_customer_exists foreign key (customer_id) references card_customers,
    constraint card_documents_kind_known check (kind in ('id_image', 'user_photo')),
    constraint card_documents_once_per_customer unique (customer_id, kind)
);
create index card_documents_to_purge on card_documents (purge_at) where purge_at is not null;

-- pending_activation ─► active ◄─► inactive     active | inactive | blocked ─► terminated
--         └► failed        └─► blocked ◄─┘      (card_transitions says it, and a trigger keeps it)
create table cards (
    id                    uuid          not null,            -- chosen by who sealed the name
    user_id               uuid          not null,
    customer_id           uuid,                              -- null: imported
    provider              text          not null,
    provider_card_id      text,
    reference             text,                              -- the provider's, of the creation
    status                text          not null default 'pending_activation',
    name_on_card_sealed   bytea,
    last4_sealed          bytea,
    expiry_sealed         bytea,                             -- "MM/YY"
    brand                 text,
    currency              text          not null default 'USD',
    balance               numeric(14,2) not null default 0,  -- the provider's last word …
    checked_at            timestamptz,                       -- … and when it was asked for
    refresh_asked_at      timestamptz,
    wanted_action         text,
    wanted_by             text,                              -- "user:<id>", "operator:<id>", "system:<rule>"
    wanted_at             timestamptz,
    action_started_at     timestamptz,
    error_code            text,
    request_id            text,
    created_at            timestamptz   not null default now(),
    activated_at          timestamptz,
    closed_at             timestamptz,
    imported_at           timestamptz,
    due_at                timestamptz            default now(),
    constraint cards_pkey primary key (id),
    constraint cards_user_exists foreign key (user_id) references users,
    constraint cards_customer_exists foreign key (customer_id) references card_customers,
    constraint cards_has_customer_or_is_imported check (customer_id is not null or imported_at is not null),
    constraint cards_provider_card_is_unique unique (provider, provider_card_id),
    constraint cards_status_known check
        (status in ('pending_activation', 'active', 'inactive', 'blocked', 'terminated', 'failed')),
    constraint cards_currency_known check (currency = 'USD'),
    constraint cards_issued_has_its_id check
        (status in ('pending_activation', 'failed') or provider_card_id is not null),
    constraint cards_wanted_action_known check (wanted_action in ('block', 'unblock')),
    constraint cards_wanted_action_is_whole check (num_nonnulls(wanted_action, wanted_by, wanted_at) in (0, 3)),
    constraint cards_action_begins_once_wanted check (action_started_at is null or wanted_action is not null),
    constraint cards_ended_is_no_job check
        ((closed_at is not null) = (status in ('terminated', 'failed'))
         and (closed_at is null or num_nonnulls(due_at, wanted_action, refresh_asked_at) = 0)),
    constraint cards_wanted_is_a_job check
        (due_at is not null or status <> 'pending_activation' and num_nonnulls(wanted_action, refresh_asked_at) = 0)
) with (fillfactor = 80);
create index cards_due on cards (due_at) where due_at is not null;
create index cards_of_user on cards (user_id, created_at desc, id desc);
create index cards_closed on cards (closed_at) where closed_at is not null and (
    name_on_card_sealed is not null or last4_sealed is not null or expiry_sealed is not null);

create table card_transitions (
    from_status  text not null,
    to_status    text not null,
    constraint card_transitions_pkey primary key (from_status, to_status)
);
insert into card_transitions (from_status, to_status) values
    ('pending_activation', 'active'), ('pending_activation', 'failed'),
    ('active', 'inactive'), ('inactive', 'active'),
    ('active', 'blocked'), ('blocked', 'active'),
    ('inactive', 'blocked'), ('blocked', 'inactive'),
    ('active', 'terminated'), ('inactive', 'terminated'), ('blocked', 'terminated');

-- Money put on a card; the first is part of its creation, and its card's row is its job.
-- ordering ─► pending ─► completed | failed; ordering ─► failed
create table card_fundings (
    id                       uuid          not null default gen_random_uuid(),
    card_id                  uuid          not null,
    user_id                  uuid          not null,
    kind                     text          not null,
    usd                      numeric(14,2) not null,
    price                    numeric(14,2) not null,
    frozen_amount            numeric(14,2) not null,         -- what it still holds of the user's wallet
    status                   text          not null default 'ordering',
    provider_reference       text,
    provider_transaction_id  text,                           -- of the card's transaction that it turned out to be
    seen                     text[],                         -- the card's transactions upstream before it was begun
    begun_at                 timestamptz,                    -- from here on it may have been paid: never pay again
    accepted_at              timestamptz,
    transaction_id           text          not null generated always as ('funding:' || id::text) stored,
    idempotency_key          text,
    request_id               text,
    request_digest           bytea,
    error_code               text,
    created_at               timestamptz   not null default now(),
    ended_at                 timestamptz,
    due_at                   timestamptz            default now(),
    constraint card_fundings_pkey primary key (id),
    -- Checked at commit: a card comes after its first funding, so that its own event can tell of it.
    constraint card_fundings_card_exists foreign key (card_id) references cards deferrable initially deferred,
    constraint card_fundings_user_exists foreign key (user_id) references users,
    constraint card_fundings_idempotency_key_once_per_user unique (user_id, idempotency_key),
    constraint card_fundings_transaction_is_one_funding unique (card_id, provider_transaction_id),
    constraint card_fundings_kind_known check (kind in ('creation', 'funding')),
    constraint card_fundings_status_known check (status in ('ordering', 'pending', 'completed', 'failed')),
    constraint card_fundings_usd_positive check (usd > 0),
    constraint card_fundings_price_positive check (price > 0),
    constraint card_fundings_frozen_only_while_open check
        (frozen_amount = case when status in ('ordering', 'pending') then price else 0 end),
    constraint card_fundings_ended_when_closed check ((ended_at is not null) = (status in ('completed', 'failed'))),
    constraint card_fundings_open_is_a_job check
        ((due_at is not null) = (kind = 'funding' and status in ('ordering', 'pending'))),
    constraint card_fundings_accepted_was_begun check
        (begun_at is not null or status = 'ordering' and accepted_at is null or status = 'failed')
) with (fillfactor = 80);
create unique index card_fundings_one_open_of_a_card on card_fundings (card_id)
    where status in ('ordering', 'pending');
create unique index card_fundings_one_creation_of_a_card on card_fundings (card_id) where kind = 'creation';
create index card_fundings_of_card on card_fundings (card_id, created_at desc, id desc);
create index card_fundings_due on card_fundings (due_at) where due_at is not null;
create index card_fundings_frozen on card_fundings (user_id) include (frozen_amount) where frozen_amount > 0;

-- A hold says which funding it is for. Neither a foreign key nor an index of its own, which every freeze would pay for:
-- a hold's name is its funding's transaction_id, and `check` compares. In the index of the open holds a null takes no
-- room: its tuples have their bitmap already.
alter table wallet_holds add column funding_id uuid;
drop index wallet_holds_open;
create index wallet_holds_open on wallet_holds (user_id) include (amount, activation_id, rental_id, funding_id)
    where state = 'held';

-- What the provider lists of a card, the owner's purchases and our fundings alike.
create table card_transactions (
    id                       bigint        not null generated always as identity,
    card_id                  uuid          not null,
    user_id                  uuid          not null,
    provider_transaction_id  text          not null,
    usd                      numeric(14,2) not null,         -- onto the card: positive
    type                     text,
    method                   text,
    narrative                text,
    status                   text          not null,
    at                       timestamptz   not null,
    told_at                  timestamptz,                    -- null: from before, its owner got no event of it
    constraint card_transactions_pkey primary key (id),
    constraint card_transactions_card_exists foreign key (card_id) references cards,
    constraint card_transactions_once_per_card unique (card_id, provider_transaction_id)
);
create index card_transactions_of_card on card_transactions (card_id, at desc, id desc);
create index card_transactions_by_time on card_transactions (at);

-- Who did what to a card. Append-only (triggers/audit.sql); never what is sealed.
create table strowallet_card_audit (
    id          bigint       not null generated always as identity,
    card_id     uuid         not null,
    action      text         not null,
    actor_type  text         not null,
    actor_id    text,
    diff        jsonb        not null default '{}',          -- {"status": ["active", "blocked"]}
    at          timestamptz  not null default now(),
    constraint strowallet_card_audit_pkey primary key (id),
    constraint strowallet_card_audit_card_exists foreign key (card_id) references cards,
    constraint strowallet_card_audit_actor_type_known check (actor_type in ('user', 'operator', 'provider', 'system'))
);
create index strowallet_card_audit_of_card on strowallet_card_audit (card_id, id);

-- What the provider told us unasked: a hint to look. The payload comes redacted.
create table strowallet_webhook_events (
    id                bigint       not null generated always as identity,
    event_id          text         not null,
    event             text         not null,
    card_id           uuid,
    provider_card_id  text,
    payload           jsonb        not null,
    signature_valid   boolean      not null,
    source            text         not null default 'webhook',
    status            text         not null default 'new',
    error             text,
    received_at       timestamptz  not null default now(),
    applied_at        timestamptz,
    due_at            timestamptz,
    constraint strowallet_webhook_events_pkey primary key (id),
    constraint strowallet_webhook_events_event_is_unique unique (event_id),
    constraint strowallet_webhook_events_source_known check (source in ('webhook', 'import')),
    constraint strowallet_webhook_events_status_known check (status in ('new', 'applied', 'ignored', 'failed')),
    constraint strowallet_webhook_events_new_is_a_job check ((status = 'new') = (due_at is not null)),
    constraint strowallet_webhook_events_only_signed_count check (signature_valid or status <> 'new')
);
create index strowallet_webhook_events_due on strowallet_webhook_events (due_at) where due_at is not null;
create index strowallet_webhook_events_by_time on strowallet_webhook_events (received_at);
create index strowallet_webhook_events_of_card on strowallet_webhook_events (card_id, id) where card_id is not null;

-- That its owner asked for a card's number, and when. The answer goes from one process to another, sealed to
-- public_key, and through no table.
create table card_reveals (
    id          uuid         not null default gen_random_uuid(),
    card_id     uuid         not null,
    user_id     uuid         not null,
    public_key  bytea        not null,                       -- X25519, of the gateway that asks
    status      text         not null default 'asked',
    error_code  text,
    asked_at    timestamptz  not null default now(),
    expires_at  timestamptz  not null,
    ended_at    timestamptz,
    due_at      timestamptz           default now(),
    constraint card_reveals_pkey primary key (id),
    constraint card_reveals_card_exists foreign key (card_id) references cards,
    constraint card_reveals_public_key_length check (length(public_key) = 32),
    constraint card_reveals_status_known check (status in ('asked', 'answered', 'refused')),
    constraint card_reveals_asked_is_a_job check
        ((status = 'asked') = (due_at is not null) and (status = 'asked') = (ended_at is null))
);
create index card_reveals_due on card_reveals (due_at) where due_at is not null;
create index card_reveals_of_user on card_reveals (user_id, asked_at desc);

-- Our books of cards beside the provider's.
create table card_reconciliations (
    id          bigint       not null generated always as identity,
    provider    text         not null,
    asked_by    text         not null,
    started_at  timestamptz  not null default now(),
    ended_at    timestamptz,
    cards       integer      not null default 0,
    mismatches  integer      not null default 0,
    corrected   integer      not null default 0,
    report      jsonb        not null default '{}',
    constraint card_reconciliations_pkey primary key (id)
);
create table card_mismatches (
    reconciliation_id  bigint       not null,
    card_id            uuid         not null,
    kind               text         not null,
    ours               text,
    theirs             text,
    corrected          boolean      not null default false,
    at                 timestamptz  not null default now(),
    constraint card_mismatches_pkey primary key (reconciliation_id, card_id, kind),
    constraint card_mismatches_reconciliation_exists foreign key (reconciliation_id) references card_reconciliations,
    constraint card_mismatches_card_exists foreign key (card_id) references cards,
    constraint card_mismatches_kind_known check (kind in ('balance', 'status', 'missing'))
);
create index card_mismatches_of_card on card_mismatches (card_id, at desc);

-- A day of cards in a row; written again while the day lasts.
create table card_daily (
    day            date          not null,
    provider       text          not null,
    cards_created  integer       not null default 0,
    cards_ended    integer       not null default 0,
    fundings       integer       not null default 0,
    funded_usd     numeric(14,2) not null default 0,
    spent_usd      numeric(14,2) not null default 0,
    declined       integer       not null default 0,
    fees           numeric(14,2) not null default 0,         -- of creations and fundings, in the wallet's money
    constraint card_daily_pkey primary key (day, provider)
);

-- What looks like fraud, said in data. A dry run notes a hit and does nothing.
create table card_rules (
    name     text    not null,
    rule     jsonb   not null,
    dry_run  boolean not null default true,
    enabled  boolean not null default true,
    constraint card_rules_pkey primary key (name)
);
create table card_rule_hits (
    id       bigint       not null generated always as identity,
    rule     text         not null,
    card_id  uuid         not null,
    user_id  uuid         not null,
    at       timestamptz  not null default now(),
    figures  jsonb        not null default '{}',
    dry_run  boolean      not null,
    acted    boolean      not null default false,
    constraint card_rule_hits_pkey primary key (id),
    constraint card_rule_hits_card_exists foreign key (card_id) references cards
);
create index card_rule_hits_of_card on card_rule_hits (rule, card_id, at desc);

-- They are told of a funding from now on.
drop function if exists atomic_freeze(uuid, numeric, text, text, uuid, uuid, timestamptz, text);
drop function if exists replay_freeze(uuid, numeric, text, uuid, uuid, timestamptz);
