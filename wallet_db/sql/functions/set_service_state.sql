-- An operator enables, warns or disables a service, and the rule leaves its warning alone from then on; a null state
-- gives that back to the rule. Disabled means off sale, numbers and rentals, with the prices remembered; enabled and
-- warned bring them back if it was. Open orders go on. Written down in system_logs with who, why, before and after.
-- Locks: services (row).
-- Raises: OS010 unknown_service, OS014 invalid_argument (no such state, no reason, no price to come back with).
create or replace function set_service_state(
    p_service text, p_state text, p_reason text, p_now timestamptz default now()
) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_service services;
begin
    perform check_reason(p_reason);
    select * into v_service from services where service = (find_service(p_service)).service for no key update;
    if p_state not in ('enabled', 'warned', 'disabled') then
        raise exception using errcode = 'OS014', message = 'expected enabled, warned, disabled or null',
            detail = '{"argument": "p_state"}';
    elsif p_state in ('enabled', 'warned')
          and num_nonnulls(v_service.price, v_service.rental_price_hour, v_service.former_price,
                           v_service.former_rental_price_hour) = 0 then
        raise exception using errcode = 'OS014', message = 'the service has never had a price: set one',
            detail = '{"argument": "p_service"}';
    end if;
    update services s
       set decided_by = case when p_state is null then 'rule' else 'operator' end,
           warned_at = case p_state when 'warned' then coalesce(s.warned_at, p_now) when 'enabled' then null
                                    else s.warned_at end,
           former_price = case p_state when 'disabled' then coalesce(s.price, s.former_price) else s.former_price end,
           former_rental_price_hour = case p_state
               when 'disabled' then coalesce(s.rental_price_hour, s.former_rental_price_hour)
               else s.former_rental_price_hour end,
           price = case when p_state = 'disabled' then null
                        when p_state is null or s.price is not null or s.rental_price_hour is not null then s.price
                        else s.former_price end,
           rental_price_hour = case when p_state = 'disabled' then null
                                    when p_state is null or s.price is not null or s.rental_price_hour is not null
                                        then s.rental_price_hour
                                    else s.former_rental_price_hour end
     where s.service = v_service.service;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_service_state', 'an operator decided about a service', jsonb_build_object(
        'service', v_service.service, 'reason', p_reason, 'actor', acting(), 'state', p_state,
        'before', jsonb_build_object('price', v_service.price::text,
                                     'rental_price_hour', v_service.rental_price_hour::text,
                                     'warned_at', iso_utc(v_service.warned_at), 'decided_by', v_service.decided_by)));
end $$;
