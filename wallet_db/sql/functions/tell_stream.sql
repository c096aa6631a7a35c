-- Tells the operators' own stream of an alert: that it began or, if it is closed, that it is over. Private.
-- Locks: the operators' row.
create or replace function tell_stream(p_alert alerts) returns void
language sql as $$
    select append_event('00000000-0000-4000-8000-6f7065726174', 'admin.alert', jsonb_build_object(
        'alert', case when p_alert.closed_at is null then 'begun' else 'over' end, 'id', p_alert.id,
        'level', p_alert.level, 'source', p_alert.source, 'message', p_alert.message,
        'about', concat_ws(', ', p_alert.data ->> 'provider', p_alert.data ->> 'service', p_alert.data ->> 'country'),
        'times', p_alert.times, 'first_at', iso_utc(p_alert.first_at), 'last_at', iso_utc(p_alert.last_at),
        'closed_at', iso_utc(p_alert.closed_at), 'closed_by', p_alert.closed_by))
$$;
