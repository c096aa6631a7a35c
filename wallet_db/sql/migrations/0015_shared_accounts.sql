-- Accounts at providers as several poller processes share them: which part of its requests is whose, what the provider
-- wants left alone, and the orders that wait for one more SMS, to be looked at with all others.

-- One row a process and account, renewed every few seconds; of a process that has died it lasts until its lease ends.
create table account_shares (
    provider  text          not null,
    process   uuid          not null,
    share     numeric(9,6)  not null,               -- of the account's requests; those that last make one at most
    until     timestamptz   not null,
    constraint account_shares_pkey primary key (provider, process),
    constraint account_shares_is_a_part check (share between 0 and 1)
) with (fillfactor = 50);

-- What one process was told and all have to know. Rows whose time is over mean nothing, and go when another comes.
create table account_rests (
    provider    text         not null,
    scope       text         not null,
    service     text         not null default '',   -- of a route, by the provider's codes; else empty
    country     text         not null default '',
    until       timestamptz  not null,
    told_until  timestamptz,                        -- as the provider said, if it did
    reason      text         not null,
    constraint account_rests_pkey primary key (provider, scope, service, country),
    constraint account_rests_scope_known check (scope in ('pause', 'account', 'purchases', 'route'))
) with (fillfactor = 50);

-- On no purchase's way: an order comes here when its owner asks for one more SMS.
create index activations_awaiting_another on activations (provider)
    where status = 'received' and another_sms_asked_at is not null;
