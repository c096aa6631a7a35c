-- Closes the alerts that are over, once all of these channels have told all there is to tell of them: what happens
-- after that is a new alert, told at once. Over is what alert_lasts finds ended, and of what it cannot tell whatever
-- has not happened for p_quiet. Each end is an event of the operators' stream, in the same transaction; the channels
-- tell it afterwards (alerts_over). Forgets those that were closed 90 days ago. Returns how many were closed.
-- Locks: alerts (rows, in the order of their keys), then the operators' row.
create or replace function close_alerts(
    p_channels text[], p_quiet interval, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_alert alerts;
    v_lasts boolean;
    v_closed alerts[] := '{}';
begin
    delete from alerts where closed_at < p_now - interval '90 days';
    for v_alert in
        select a.* from alerts a
         where closed_at is null
           and not exists (
               select from unnest(p_channels) as wanted (channel)
                 left join alert_tellings t on t.alert_id = a.id and t.channel = wanted.channel
                where t.times is distinct from a.times)
         order by key for no key update skip locked
    loop
        v_lasts := alert_lasts(v_alert, p_now);
        continue when v_lasts or v_lasts is null and v_alert.last_at > p_now - p_quiet;
        update alerts set closed_at = p_now, closed_by = case when v_lasts is null then 'quiet' else 'ended' end
         where id = v_alert.id returning * into v_alert;
        v_closed := array_append(v_closed, v_alert);
    end loop;
    foreach v_alert in array v_closed loop
        perform tell_stream(v_alert);
    end loop;
    return cardinality(v_closed);
end $$;
