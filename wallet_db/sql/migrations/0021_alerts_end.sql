-- An alert ends, and whoever was told that it began is told that it is over, once. How an end is known: the condition was
-- looked at and is no more ('ended'), or it has not happened for so long ('quiet').

alter table alerts
    add column closed_by text,                           -- null: open, or closed before this migration
    add constraint alerts_closed_by_known check (closed_by in ('ended', 'quiet')),
    add constraint alerts_closed_by_when_closed check (closed_by is null or closed_at is not null);

-- That it is over: null until the channel has told it. Of what ended before this migration nobody is told any more.
alter table alert_tellings add column over_told_at timestamptz;
update alert_tellings t set over_told_at = a.closed_at from alerts a where a.id = t.alert_id and a.closed_at is not null;
create index alert_tellings_not_over on alert_tellings (channel, alert_id) where over_told_at is null;
