-- What our books and a provider's account are compared by. The provider tells one figure, its balance; beside it stands
-- what our orders say they cost at that moment. Between two readings the one must have moved as the other did, up to
-- what was under way at either. Nothing is ever dropped: a reading an hour of each provider.
create table provider_balances (
    provider  text           not null,
    at        timestamptz    not null default clock_timestamp(),
    balance   numeric(16,4)  not null,            -- in the account's currency, as the provider told
    spent     numeric(16,4)  not null,            -- the cost of all orders ever bought there and not returned
    slack     numeric(16,4)  not null,            -- of what was under way: so much may already have moved there, or not
    paid_in   numeric(16,4)  not null default 0,  -- what an operator says came in (or went out) since the reading before
    constraint provider_balances_pkey primary key (provider, at),
    constraint provider_balances_slack_not_negative check (slack >= 0)
);

insert into periodic_jobs (name, every) values ('read_balances', '1 hour');
