-- An operator decides about a route, and the rule leaves it alone from then on; a null state gives it back to the rule,
-- which begins with 'enabled'. Written down in system_logs with who, why, before and after.
-- Locks: routes (row). Raises: OS014 invalid_argument (no such route or state, no reason).
create or replace function set_route_state(
    p_provider text, p_service text, p_country text, p_state text, p_reason text, p_now timestamptz default now()
) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_before routes;
    v_fault text := case
        when p_state not in ('enabled', 'warned', 'disabled') then 'p_state'
        when coalesce(p_reason, '') = '' then 'p_reason'
        when not exists (select from provider_services where provider = p_provider) then 'p_provider'
        when not exists (select from provider_services where provider = p_provider and service = p_service) then
            'p_service'
        when not exists (select from provider_countries where provider = p_provider and country = p_country) then
            'p_country' end;
begin
    if v_fault is not null then
        raise exception using errcode = 'OS014',
            message = format('expected a route, a state that exists and a reason; %s is not one', v_fault),
            detail = jsonb_build_object('argument', v_fault)::text;
    end if;
    insert into routes (provider, service, country, changed_at) values (p_provider, p_service, p_country, p_now)
    on conflict (service, country, provider) do nothing;
    select * into v_before from routes
     where provider = p_provider and service = p_service and country = p_country for no key update;
    update routes
       set state = coalesce(p_state, 'enabled'), decided_by = case when p_state is null then 'rule' else 'operator' end,
           reason = p_reason, changed_at = p_now
     where provider = p_provider and service = p_service and country = p_country;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_route_state', 'an operator decided about a route', jsonb_build_object(
        'provider', p_provider, 'service', p_service, 'country', p_country, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('state', v_before.state, 'decided_by', v_before.decided_by),
        'after', jsonb_build_object('state', coalesce(p_state, 'enabled'),
                                    'decided_by', case when p_state is null then 'rule' else 'operator' end)));
end $$;
