-- What a provider sells now, in its own codes, one element a route. What has no name with us is left out, and so is
-- what is no price: nothing at four decimals, or more than a route can say. Of doubles the cheapest counts. A route of
-- ours that is not among them is sold out. States stay. Answers how many routes are priced.
-- Locks: routes (rows).
create or replace function record_prices(
    p_provider text, p_services text[], p_countries text[], p_costs numeric[], p_stocks integer[], p_successes real[],
    p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_priced integer;
begin
    insert into routes as r (provider, service, country, cost, stock, told_success, priced_at)
    select distinct on (s.service, c.country) p_provider, s.service, c.country, o.cost, o.stock, o.success, p_now
      from unnest(p_services, p_countries, p_costs, p_stocks, p_successes) o (service, country, cost, stock, success)
      join provider_services s on s.provider = p_provider and s.code = o.service
      join provider_countries c on c.provider = p_provider and c.code = o.country
     where round(o.cost, 4) > 0 and round(o.cost, 4) < 1e10
     order by s.service, c.country, o.cost
    on conflict (service, country, provider) do update
       set cost = excluded.cost, stock = excluded.stock, told_success = excluded.told_success, priced_at = p_now;
    get diagnostics v_priced = row_count;
    update routes set stock = 0, priced_at = p_now where provider = p_provider and priced_at < p_now;
    return v_priced;
end $$;
