-- The rule about routes and services under p_success_min of success over 24 hours, counted from p_tries_min attempts on
-- whose end is known: p_rule 'warn' marks them, 'disable' takes the route out of use (a service is only marked: taking
-- it off sale is the operator's). What does better, or has lost half of the attempts it was judged by, is as before; so
-- a route out of use is tried again after a day. What an operator has decided stays. Each change is told once, in
-- system_logs. Answers how many changed.
-- Locks: routes (rows), services (rows).
create or replace function judge_routes(
    p_rule text, p_success_min double precision, p_tries_min integer, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_route record;
    v_service record;
    v_state text;
    v_changed integer := 0;
begin
    for v_route in
        select provider, service, country, coalesce(r.state, 'enabled') as state, coalesce(t.tries, 0) as tries,
               coalesce(t.delivered, 0) as delivered
          from routes r
          full join (select provider, service, country, count(served) as tries,
                            count(*) filter (where served) as delivered
                       from route_attempts where started_at > p_now - interval '24 hours'
                      group by 1, 2, 3) t using (provider, service, country)
         where coalesce(r.decided_by, 'rule') = 'rule' and (t.tries > 0 or r.state <> 'enabled')
         order by service, country, provider
    loop
        v_state := case
            when p_rule not in ('warn', 'disable') then 'enabled'
            when v_route.tries >= p_tries_min and v_route.delivered < v_route.tries * p_success_min then
                case p_rule when 'disable' then 'disabled' else 'warned' end
            when v_route.tries * 2 >= p_tries_min and v_route.delivered < v_route.tries * p_success_min then
                v_route.state
            else 'enabled' end;
        continue when v_state = v_route.state;
        insert into routes (provider, service, country, state, reason, changed_at)
        values (v_route.provider, v_route.service, v_route.country, v_state,
                format('%s of %s had their SMS', v_route.delivered, v_route.tries), p_now)
        on conflict (service, country, provider) do update
           set state = excluded.state, reason = excluded.reason, changed_at = p_now where routes.decided_by = 'rule';
        insert into system_logs (at, level, source, message, data)
        values (p_now, case v_state when 'enabled' then 'info' else 'warning' end, 'judge_routes',
                format('a route is %s', v_state),
                jsonb_build_object('provider', v_route.provider, 'service', v_route.service,
                                   'country', v_route.country, 'before', v_route.state, 'after', v_state,
                                   'tries', v_route.tries, 'delivered', v_route.delivered));
        v_changed := v_changed + 1;
    end loop;

    for v_service in
        select s.service, s.warned_at is not null as was_warned, count(a.served) as tries,
               count(*) filter (where a.served) as delivered
          from services s
          left join route_attempts a on a.service = s.service and a.started_at > p_now - interval '24 hours'
         where s.decided_by = 'rule'
         group by s.service
         order by s.service
    loop
        v_state := case
            when p_rule in ('warn', 'disable') and v_service.delivered < v_service.tries * p_success_min
                 and v_service.tries * case when v_service.was_warned then 2 else 1 end >= p_tries_min then 'warned'
            else 'enabled' end;
        continue when (v_state = 'warned') = v_service.was_warned;
        update services set warned_at = case v_state when 'warned' then p_now end where service = v_service.service;
        insert into system_logs (at, level, source, message, data)
        values (p_now, case v_state when 'enabled' then 'info' else 'warning' end, 'judge_routes',
                format('a service is %s', v_state),
                jsonb_build_object('service', v_service.service, 'after', v_state, 'tries', v_service.tries,
                                   'delivered', v_service.delivered));
        v_changed := v_changed + 1;
    end loop;
    return v_changed;
end $$;
