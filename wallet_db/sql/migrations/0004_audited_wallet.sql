-- The wallet made fit for an audit of hundreds of millions of rows, and for speed.
--   * A user's operations count 1, 2, 3 … under the user's lock: a row that went missing shows, and (user_id, number)
--     is the one index most operations need. Foreign keys are gone from the hot path: only the functions write these
--     tables, users are never deleted, and `python -m wallet_db check` proves what the keys promised.
--   * A hold is named by the transaction id of its freeze, and may have a time at which it goes back by itself.
--   * The audit says who acted.

alter table users add column operation_number bigint not null default 0;
drop trigger if exists users_append_event on users;

alter table balance_operations rename to old_operations;
alter table wallet_holds rename to old_holds;
alter table old_operations rename constraint balance_operations_pkey to old_operations_pkey;
alter table old_operations rename constraint balance_operations_once_per_transaction to old_operations_once;
alter table old_holds rename constraint wallet_holds_pkey to old_holds_pkey;
drop index balance_operations_of_user, wallet_holds_of_activation, wallet_holds_of_rental, wallet_holds_open;

-- How a hold may end is a trigger's rule (triggers/holds.sql): a CHECK would be paid for by every freeze, too.
create table wallet_holds (
    transaction_id    text          not null,             -- of the freeze: the hold's name
    user_id           uuid          not null,
    amount            numeric(14,2) not null,
    state             text          not null default 'held',
    committed_amount  numeric(14,2),
    refunded_amount   numeric(14,2),
    activation_id     uuid,
    rental_id         uuid,
    frozen_number     bigint        not null,             -- the operation that froze it …
    settled_number    bigint,                             -- … and the first of those that ended it
    settled_by        text,                               -- transaction id of the commit or refund that ended it
    created_at        timestamptz   not null default now(),
    settled_at        timestamptz,
    expires_at        timestamptz,                        -- goes back by itself then; null: its order decides
    constraint wallet_holds_pkey primary key (transaction_id),
    -- Checked at commit, because the freeze may come before the order's row.
    constraint wallet_holds_activation_exists foreign key (activation_id) references activations
        deferrable initially deferred,
    constraint wallet_holds_rental_exists foreign key (rental_id) references rentals deferrable initially deferred,
    constraint wallet_holds_amount_positive check (amount > 0)
) with (fillfactor = 90);

create table balance_operations (
    user_id              uuid          not null,
    number               bigint        not null,          -- the user's operations: 1, 2, 3 … without a gap
    type                 text          not null,
    amount               numeric(14,2) not null,
    balance_before       numeric(14,2) not null,
    balance_after        numeric(14,2) not null,
    frozen_before        numeric(14,2) not null,
    frozen_after         numeric(14,2) not null,
    available_before     numeric(14,2) not null generated always as (balance_before - frozen_before) stored,
    available_after      numeric(14,2) not null generated always as (balance_after - frozen_after) stored,
    transaction_id       text          not null,
    hold_transaction_id  text,                            -- of a commit or refund: the hold it ended
    activation_id        uuid,
    rental_id            uuid,
    actor                text          not null,          -- the database role, and whom it said it acted for
    reason               text          not null,
    created_at           timestamptz   not null default now(),
    constraint balance_operations_pkey primary key (user_id, number),
    constraint balance_operations_freeze_moves_available_to_frozen check (type <> 'freeze'
        or (amount > 0 and balance_after = balance_before and frozen_after = frozen_before + amount)),
    constraint balance_operations_commit_spends_frozen check (type <> 'commit'
        or (amount > 0 and balance_after = balance_before - amount and frozen_after = frozen_before - amount)),
    constraint balance_operations_refund_moves_frozen_to_available check (type <> 'refund'
        or (amount > 0 and balance_after = balance_before and frozen_after = frozen_before - amount)),
    constraint balance_operations_deposit_adds_to_balance check (type <> 'deposit'
        or (amount > 0 and balance_after = balance_before + amount and frozen_after = frozen_before)),
    constraint balance_operations_adjust_moves_balance check (type <> 'adjust'
        or (amount <> 0 and balance_after = balance_before + amount and frozen_after = frozen_before)),
    -- Self-correction: frozen is set to what the holds say. `before` is what was found, not what the audit had left.
    constraint balance_operations_correct_restates_frozen check (type <> 'correct'
        or (amount <> 0 and balance_after = balance_before and frozen_after = frozen_before + amount)),
    constraint balance_operations_type_known check
        (type in ('freeze', 'commit', 'refund', 'deposit', 'adjust', 'correct')),
    constraint balance_operations_settlement_names_its_hold check
        ((type in ('commit', 'refund')) = (hold_transaction_id is not null))
);

insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                frozen_after, transaction_id, hold_transaction_id, activation_id, rental_id, actor,
                                reason, created_at)
select o.user_id, row_number() over (partition by o.user_id order by o.id), o.type, o.amount, o.balance_before,
       o.balance_after, o.frozen_before, o.frozen_after, o.transaction_id,
       case when o.type in ('commit', 'refund') then h.transaction_id end, o.activation_id, o.rental_id,
       'before 0.2', o.reason, o.created_at
  from old_operations o left join old_holds h on h.id = o.hold_id;

insert into wallet_holds (transaction_id, user_id, amount, state, committed_amount, refunded_amount, activation_id,
                          rental_id, frozen_number, settled_number, settled_by, created_at, settled_at)
select h.transaction_id, h.user_id, h.amount, h.state,
       case when h.state <> 'held' then h.committed_amount end, case when h.state <> 'held' then h.refunded_amount end,
       h.activation_id, h.rental_id,
       (select f.number from balance_operations f
         where f.user_id = h.user_id and f.type = 'freeze' and f.transaction_id = h.transaction_id),
       (select min(s.number) from balance_operations s
         where s.user_id = h.user_id and s.hold_transaction_id = h.transaction_id),
       -- One id may have committed one hold and refunded another then; from now on it ends one. The audit keeps it as it was.
       h.settled_by || case when row_number() over (partition by h.settled_by order by h.settled_at, h.id) > 1
                                 and h.settled_by <> h.transaction_id then '#' || h.transaction_id else '' end,
       h.created_at, h.settled_at
  from old_holds h;
set constraints all immediate;  -- checks that wait would keep the indexes below from being built

update users u set operation_number = o.number
  from (select user_id, max(number) as number from balance_operations group by user_id) o
 where o.user_id = u.id;

drop table old_operations, old_holds cascade;  -- and the old functions on them
alter table users drop column last_operation, drop column last_amount, drop column last_transaction_id;
alter table events drop constraint events_user_exists;

-- A deposit's or adjustment's transaction id counts once; a freeze's is its hold's key, a settlement's settled_by.
create unique index balance_operations_once_per_transaction on balance_operations (transaction_id, type)
    where type in ('deposit', 'adjust', 'correct');
-- A hold may always be ended under its own name, so that it can never be left without a way to end.
create unique index wallet_holds_settled_by_is_unique on wallet_holds (settled_by) where settled_by <> transaction_id;
create index wallet_holds_of_activation on wallet_holds (activation_id) where activation_id is not null;
create index wallet_holds_of_rental on wallet_holds (rental_id) where rental_id is not null;
create index wallet_holds_open on wallet_holds (user_id) include (amount, activation_id, rental_id)
    where state = 'held';
create index wallet_holds_expiring on wallet_holds (expires_at) where state = 'held' and expires_at is not null;
create index activations_frozen on activations (user_id) include (frozen_amount) where frozen_amount > 0;
create index rentals_frozen on rentals (user_id) include (frozen_amount) where frozen_amount > 0;

-- Rows that are never updated: freeze them once, soon after they were written, and never look at their pages again.
alter table balance_operations set (autovacuum_freeze_min_age = 0, autovacuum_vacuum_insert_scale_factor = 0.05);

-- Has the operator been told of this wallet?
create index system_logs_alerts on system_logs ((data ->> 'user_id'), at desc) where level = 'critical';

-- What is done again and again: the row is the job, as with orders.
create table periodic_jobs (
    name         text        not null,
    every        interval    not null,
    due_at       timestamptz not null default now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    result       jsonb,                                   -- of the last run that finished
    constraint periodic_jobs_pkey primary key (name),
    constraint periodic_jobs_every_positive check (every > interval '0')
);
insert into periodic_jobs (name, every) values ('check_wallets', '1 hour'), ('expire_holds', '5 seconds');

-- The operators' own stream of events: alerts. It owns no money.
insert into users (id, name) values ('00000000-0000-4000-8000-6f7065726174', 'operators') on conflict do nothing;

drop function if exists users_append_event(), ring_doorbell() cascade;
drop function if exists atomic_freeze(uuid, numeric, text, text, uuid, uuid);
drop function if exists atomic_commit(uuid, uuid, uuid, text, text, numeric);
drop function if exists atomic_refund(uuid, uuid, uuid, text, text, numeric);
drop function if exists atomic_deposit(uuid, numeric, text, text);
drop function if exists settle_hold(text, uuid, uuid, uuid, text, text, numeric);
drop function if exists record_operation(users, text, numeric, text, text, bigint, uuid, uuid);
drop function if exists operation_result(balance_operations, balance_operations, boolean);
drop function if exists operation_json(balance_operations);
drop function if exists find_hold(uuid, uuid, uuid, text);
drop function if exists balance_operations_append_only();
drop function if exists check_hold_order(uuid, uuid, uuid);
