-- What the operators are told of. A row of system_logs that deserves it is folded into an alert, so that a fault that
-- lasts, or a hundred orders that met the same one, are one alert with a count. Each way to tell (a webhook, e-mail)
-- keeps for itself what it has told, and how it fares.

-- Not yet looked at for alerts: null. So nobody remembers a last id, and a row that is committed late is found as well.
-- What there was before this migration counts as seen.
alter table system_logs add column folded_at timestamptz default now();
alter table system_logs alter column folded_at drop default;
-- Almost empty, and no row of an order that goes well is ever in it.
create index system_logs_unfolded on system_logs (id)
    where folded_at is null and level in ('warning', 'error', 'critical');

create table alerts (
    id         bigint       not null generated always as identity,
    key        text         not null,        -- rows with the same one are one alert while it is open
    level      text         not null,
    source     text         not null,
    message    text         not null,
    data       jsonb        not null,        -- of the latest row
    first_at   timestamptz  not null,
    last_at    timestamptz  not null,
    times      bigint       not null,
    closed_at  timestamptz,                  -- it has not happened for a while, and whoever is to know was told
    constraint alerts_pkey primary key (id),
    constraint alerts_level_known check (level in ('warning', 'error', 'critical')),
    constraint alerts_times_positive check (times > 0)
) with (fillfactor = 70);
create unique index alerts_open on alerts (key) where closed_at is null;

create table alert_tellings (
    alert_id  bigint       not null,
    channel   text         not null,
    told_at   timestamptz  not null,         -- the last time
    times     bigint       not null,         -- as often had it happened then
    constraint alert_tellings_pkey primary key (alert_id, channel),
    constraint alert_tellings_alert_exists foreign key (alert_id) references alerts on delete cascade
);

create table alert_channels (
    channel   text         not null,
    failures  integer      not null,         -- in a row
    try_at    timestamptz  not null,
    error     text,                          -- of the last failure; no address, no secret
    constraint alert_channels_pkey primary key (channel),
    constraint alert_channels_failures_not_negative check (failures >= 0)
);

-- Sources or messages whose warnings are alerts; errors and what is critical always are.
insert into settings (key, value)
values ('alert_warnings', '["judge_routes", "apply_late_sms", "apply_rental_sms", "correct_frozen_balance"]');
alter table settings add constraint settings_alert_warnings_is_a_list check (
    key <> 'alert_warnings' or jsonb_typeof(value) = 'array');

insert into periodic_jobs (name, every) values ('tell_alerts', '10 seconds');
