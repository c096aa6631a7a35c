-- The alerts that are over and whose beginning a channel has told, but not yet that they are over; oldest first. None
-- while the channel rests after a failure. It marks nothing (mark_alerts_over): after a crash they are told again.
create or replace function alerts_over(p_channel text, p_limit integer, p_now timestamptz default now()) returns table (
    id bigint, level text, source text, message text, data jsonb, first_at timestamptz, last_at timestamptz,
    times bigint, told_times bigint, closed_at timestamptz, closed_by text
)
language sql stable security definer set search_path = public, pg_temp as $$
    select a.id, a.level, a.source, a.message, a.data, a.first_at, a.last_at, a.times, t.times, a.closed_at,
           coalesce(a.closed_by, 'quiet')
      from alert_tellings t
      join alerts a on a.id = t.alert_id
     where t.channel = p_channel and t.over_told_at is null and a.closed_at is not null
       and not exists (select from alert_channels c where c.channel = p_channel and c.try_at > p_now)
     order by a.closed_at, a.id
     limit p_limit
$$;
