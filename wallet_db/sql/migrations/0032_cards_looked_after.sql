-- Cards are looked after: books compared with the provider's as a job of their own, transactions judged by rules, old
-- payloads found without a search.

-- Not looked at by the rules yet: null. So a row that is committed late is found as well.
alter table card_transactions add column judged_at timestamptz;
create index card_transactions_unjudged on card_transactions (id) where judged_at is null;

-- A reconciliation is asked for (by the clock, or by an operator) and then worked on in steps: it goes on after after_id.
alter table card_reconciliations
    alter column started_at drop not null,
    alter column started_at drop default,
    add column asked_at    timestamptz    not null default now(),
    add column correct     boolean        not null default false,  -- what may be corrected is
    add column due_at      timestamptz             default now(),
    add column after_id    uuid,                                   -- cards up to here have been compared
    add column moving      integer        not null default 0,      -- left out: something was under way
    add column unread      integer        not null default 0,      -- left out: the provider could not be asked
    add column beyond      integer        not null default 0,      -- balances that differ by more than is tolerated
    add column usd_ours    numeric(16,2)  not null default 0,      -- of the cards compared
    add column usd_theirs  numeric(16,2)  not null default 0,
    add constraint card_reconciliations_open_is_a_job check ((ended_at is null) = (due_at is not null)),
    add constraint card_reconciliations_ended_was_started check (ended_at is null or started_at is not null);
create unique index card_reconciliations_one_open_of_a_provider on card_reconciliations (provider)
    where ended_at is null;
create index card_reconciliations_of_provider on card_reconciliations (provider, id desc);

create index card_rule_hits_of_user on card_rule_hits (rule, user_id, at desc);
create index strowallet_card_audit_blocked on strowallet_card_audit (at) where diff -> 'status' ->> 1 = 'blocked';
create index strowallet_webhook_events_with_payload on strowallet_webhook_events (received_at) where payload <> '{}';
create index card_reveals_ended on card_reveals (ended_at) where ended_at is not null;

insert into periodic_jobs (name, every, due_at) values
    ('reconcile_cards', '1 day', date_trunc('day', now()) + interval '1 day 3 hours'),
    ('judge_card_rules', '5 seconds', now()),
    ('watch_cards', '5 minutes', now()),
    ('sum_card_days', '1 hour', now()),
    ('purge_card_data', '1 hour', now())
on conflict (name) do nothing;
