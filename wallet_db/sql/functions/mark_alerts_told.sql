-- A channel has told these alerts; p_times: how often each had happened, as it was told. The channel is well.
-- Locks: alert_tellings (rows), alert_channels (row).
create or replace function mark_alerts_told(
    p_channel text, p_ids bigint[], p_times bigint[], p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into alert_tellings (alert_id, channel, told_at, times)
    select told.id, p_channel, p_now, told.times
      from unnest(p_ids, p_times) as told (id, times) join alerts a on a.id = told.id
     order by told.id
    on conflict (alert_id, channel) do update
       set told_at = p_now, times = greatest(alert_tellings.times, excluded.times);
    update alert_channels set failures = 0, try_at = p_now, error = null where channel = p_channel and failures > 0;
$$;
