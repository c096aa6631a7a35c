-- Closes the alerts that have not happened for p_quiet, once all of these channels have told all there is to tell of
-- them: what happens after that is a new alert, told at once. Forgets those that were closed 90 days ago. Returns how
-- many were closed.
-- Locks: alerts (rows).
create or replace function close_alerts(
    p_channels text[], p_quiet interval, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_closed integer;
begin
    delete from alerts where closed_at < p_now - interval '90 days';
    update alerts a set closed_at = p_now
     where closed_at is null and last_at <= p_now - p_quiet
       and not exists (
           select from unnest(p_channels) as wanted (channel)
             left join alert_tellings t on t.alert_id = a.id and t.channel = wanted.channel
            where t.times is distinct from a.times);
    get diagnostics v_closed = row_count;
    return v_closed;
end $$;
