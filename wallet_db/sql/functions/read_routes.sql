-- The routes of these providers for a service in a country: the provider's codes, what it told (cost, stock and
-- told_success are null if that is too old), the route's state, and of the attempts of the last 24 hours whose end is
-- known, the newest 500, how many there were and how many had their SMS. A route rests if its last three attempts
-- within ten minutes sold nothing. All of them are found by their index, so a purchase costs the same however busy the
-- day was.
create or replace function read_routes(
    p_service text, p_country text, p_providers text[], p_now timestamptz default now()
) returns table (
    provider text, service_code text, country_code text, cost numeric, stock integer, told_success real, state text,
    tries integer, delivered integer, resting boolean
)
language sql stable security definer set search_path = public, pg_temp as $$
    select s.provider, s.code, c.code, f.cost, f.stock, f.told_success, coalesce(r.state, 'enabled'),
           t.tries::integer, t.delivered::integer, l.resting
      from provider_services s
      join provider_countries c on c.provider = s.provider and c.country = p_country
      left join routes r on r.provider = s.provider and r.service = p_service and r.country = p_country
      left join routes f on f.provider = s.provider and f.service = p_service and f.country = p_country
                        and f.priced_at > p_now - route_prices_max_age()
     cross join lateral (
           select count(*) as tries, count(*) filter (where served) as delivered
             from (select a.served from route_attempts a
                    where a.service = p_service and a.country = p_country and a.provider = s.provider
                      and a.started_at > p_now - interval '24 hours' and a.served is not null
                    order by a.started_at desc limit 500) newest) t
     cross join lateral (
           select count(*) = 3 and bool_and(outcome <> 'sold') as resting
             from (select a.outcome from route_attempts a
                    where a.service = p_service and a.country = p_country and a.provider = s.provider
                      and a.started_at > p_now - interval '10 minutes' and a.outcome is not null
                    order by a.started_at desc limit 3) latest) l
     where s.service = p_service and s.provider = any (p_providers)
     order by s.provider
$$;
