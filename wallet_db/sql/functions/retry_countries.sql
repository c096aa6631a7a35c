-- Where an order is to be tried again when it times out: its own country, then these, each once; null: nowhere. Who
-- says nothing (null and null) gets what the service's retry_on_timeout says, else the setting. Private.
-- Locks: none. Raises: OS011 unknown_country, OS014 invalid_argument (p_countries).
create or replace function retry_countries(
    p_service services, p_country text, p_wanted boolean, p_countries text[]
) returns text[]
language plpgsql stable as $$
begin
    if cardinality(p_countries) > 10 or (p_wanted is false and cardinality(p_countries) > 0) then
        raise exception using errcode = 'OS014', detail = '{"argument": "p_retry_countries"}',
            message = 'expected at most 10 countries to try again in, and none where it is not to be tried again';
    elsif not coalesce(p_wanted, p_countries is not null or null, p_service.retry_on_timeout,
                       (select value = 'true' from settings where key = 'retry_on_timeout'), false) then
        return null;
    end if;
    return p_country || array(
        select country from (select find_country(given) as country, number
                               from unnest(p_countries) with ordinality as listed (given, number)) named
         where country <> p_country group by country order by min(number));
end $$;
