-- What a service whose price is made of costs is sold for now: {"prices": {country: price}}. For a fixed price, and for
-- what is not for sale, {}.
create or replace function service_prices_json(p_service text, p_now timestamptz default now()) returns jsonb
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(
        (select jsonb_build_object('prices', jsonb_object_agg(c.country, retail_price(s, c.country, p_now)::text))
           from services s, countries c
          where s.service = p_service and s.price is not null and s.margin_percent is not null
         having count(*) > 0), '{}')
$$;
