-- A channel could not tell: it is left alone for 10 s, and with each further failure for twice as long, up to 10
-- minutes. What is to be told waits meanwhile. p_error: for the operator, without addresses and secrets.
-- Locks: alert_channels (row).
create or replace function rest_alert_channel(
    p_channel text, p_error text, p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into alert_channels (channel, failures, try_at, error)
    values (p_channel, 1, p_now + interval '10 seconds', p_error)
    on conflict (channel) do update
       set failures = alert_channels.failures + 1, error = p_error,
           try_at = p_now + least(interval '10 seconds' * 2 ^ least(alert_channels.failures, 10), interval '10 minutes')
$$;
