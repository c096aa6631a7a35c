-- Looking for the SMS of all open orders of an account at once, hints that an order is worth a look, and who watches.

-- One row a provider's account; claimed under a lease, so that of several pollers one looks.
create table provider_accounts (
    provider       text         not null,
    due_at         timestamptz  not null default now(),      -- of the next look; while one is under way, its lease's end
    covered_until  timestamptz,                              -- so long its orders need no look one by one
    constraint provider_accounts_pkey primary key (provider)
) with (fillfactor = 50);

create index activations_pending_at_provider on activations (provider) where status = 'pending';

-- When somebody last said that there may be news of it: so often an order is made due for that reason, and not more.
alter table activations add column hinted_at timestamptz;
alter table rentals add column hinted_at timestamptz;

-- Who has a realtime connection, as far as it matters: users with open orders. A crash may empty it.
create unlogged table presence (
    user_id  uuid         not null,
    until    timestamptz  not null,
    constraint presence_pkey primary key (user_id)
) with (fillfactor = 50);
