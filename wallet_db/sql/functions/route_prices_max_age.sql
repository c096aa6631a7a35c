-- How long prices and stock that a provider told count as known: the setting route_prices_max_age_s. Private.
create or replace function route_prices_max_age() returns interval
language sql stable as $$
    select make_interval(secs => coalesce(
        (select (value #>> '{}')::double precision from settings where key = 'route_prices_max_age_s'), 7200))
$$;
