-- A channel has told that these alerts are over. The channel is well.
-- Locks: alert_tellings (rows), alert_channels (row).
create or replace function mark_alerts_over(
    p_channel text, p_ids bigint[], p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update alert_tellings set over_told_at = p_now
     where channel = p_channel and alert_id = any (p_ids) and over_told_at is null;
    update alert_channels set failures = 0, try_at = p_now, error = null where channel = p_channel and failures > 0;
$$;
