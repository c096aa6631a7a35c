-- Folds up to p_limit rows of system_logs that nobody has looked at into alerts: every error and critical row, and the
-- warnings that the setting alert_warnings names by source or message. Rows are one alert if they agree in level,
-- source, message and in what their data say of provider, method, scope, service and country; critical ones in the
-- user as well, for each broken wallet is to be heard of. Any number may fold at a time: each row is folded once.
-- An alert that is new is an event of the operators' stream, but for a wallet: alert_wallet has told that itself.
-- Returns how many rows it looked at: as many as p_limit means that there may be more.
-- Locks: system_logs (the rows, SKIP LOCKED), alerts (rows, in the order of their keys), then the operators' row.
create or replace function fold_alerts(p_limit integer, p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_seen integer;
    v_begun bigint[];
begin
    with unseen as (
        select id from system_logs
         where folded_at is null and level in ('warning', 'error', 'critical')
         order by id limit p_limit for no key update skip locked
    ), seen as (
        update system_logs l set folded_at = p_now from unseen where l.id = unseen.id returning l.*
    ), chosen as (
        select seen.*, concat_ws(' ', level, source, message,
                   (select jsonb_object_agg(key, value) from jsonb_each(data)
                     where key in ('provider', 'method', 'scope', 'service', 'country')
                        or level = 'critical' and key = 'user_id')) as key
          from seen, (select coalesce((select value from settings where key = 'alert_warnings'), '[]') as sources) s
         where level <> 'warning' or sources ? source or sources ? message
    ), folded as (
        insert into alerts (key, level, source, message, data, first_at, last_at, times)
        select key, level, source, message, (array_agg(data order by id desc))[1], min(at), max(at), count(*)
          from chosen group by key, level, source, message order by key
        on conflict (key) where closed_at is null do update
           set data = excluded.data, last_at = greatest(alerts.last_at, excluded.last_at),
               times = alerts.times + excluded.times
        returning id, source, level, xmax = 0 as is_new
    )
    select (select count(*) from seen),
           (select array_agg(id order by id) from folded
             where is_new and not (source = 'correct_frozen_balance' and level = 'critical'))
      into v_seen, v_begun;
    perform tell_stream(a) from alerts a where a.id = any (v_begun) order by a.id;
    return v_seen;
end $$;
