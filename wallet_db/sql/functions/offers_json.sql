-- What can be bought now, as an array: each service for sale in each country, its price, how many numbers the routes in
-- use have in stock together (null: none of them has said, or too long ago), and which share of the numbers bought on
-- them in the last 24 hours had their SMS (null: fewer than p_tries_min that are decided). Sums over providers only:
-- from whom and for how much we buy is not among it.
create or replace function offers_json(p_tries_min integer, p_now timestamptz default now()) returns jsonb
language sql stable security definer set search_path = public, pg_temp as $$
    with stocked as (
        select service, country, sum(stock) as stock
          from routes
         where state <> 'disabled' and stock is not null and priced_at > p_now - route_prices_max_age()
         group by service, country
    ), tried as (
        select t.service, t.country, count(*) as decided, count(*) filter (where t.served) as delivered
          from route_attempts t
          left join routes r using (service, country, provider)
         where t.started_at > p_now - interval '24 hours' and t.served is not null
           and coalesce(r.state, 'enabled') <> 'disabled'
         group by t.service, t.country
    )
    select coalesce(jsonb_agg(jsonb_build_object(
               'service', s.service, 'country', c.country,
               'price', retail_price(s, c.country, p_now)::text, 'stock', stocked.stock,
               'success', case when tried.decided >= p_tries_min
                               then round(tried.delivered::numeric / tried.decided, 3) end)
               order by s.title, c.title), '[]')
      from services s
     cross join countries c
      left join stocked on stocked.service = s.service and stocked.country = c.country
      left join tried on tried.service = s.service and tried.country = c.country
     where s.price is not null
$$;
