-- The open alerts that a channel has not told, and those that have happened again since it told them p_quiet ago or
-- longer; the worst first, then the oldest. None while the channel rests after a failure. It marks nothing: who has
-- told them says so (mark_alerts_told), so after a crash in between they are told again.
create or replace function alerts_to_tell(
    p_channel text, p_quiet interval, p_limit integer, p_now timestamptz default now()
) returns table (
    id bigint, level text, source text, message text, data jsonb, first_at timestamptz, last_at timestamptz,
    times bigint, told_times bigint
)
language sql stable security definer set search_path = public, pg_temp as $$
    select a.id, a.level, a.source, a.message, a.data, a.first_at, a.last_at, a.times, coalesce(t.times, 0)
      from alerts a
      left join alert_tellings t on t.alert_id = a.id and t.channel = p_channel
     where a.closed_at is null
       and (t.times is null or t.times < a.times and t.told_at <= p_now - p_quiet)
       and not exists (select from alert_channels c where c.channel = p_channel and c.try_at > p_now)
     order by array_position(array['critical', 'error', 'warning'], a.level), a.id
     limit p_limit
$$;
