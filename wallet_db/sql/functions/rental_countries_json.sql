-- Where numbers can be rented: by service the countries, by name, for which a provider in use has codes for both, in
-- the order of their titles. In use is an account that a poller has looked at within a day. All providers rent numbers
-- out; whether one is free, and for how much, they tell at the purchase.
create or replace function rental_countries_json(p_now timestamptz default now()) returns jsonb
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(jsonb_object_agg(service, countries), '{}')
      from (select service, jsonb_agg(country order by title) as countries
              from (select distinct s.service, c.country, c.title
                      from provider_accounts a
                      join provider_services s using (provider)
                      join provider_countries k using (provider)
                      join countries c using (country)
                     where a.due_at > p_now - interval '1 day') offered
             group by service) by_service
$$;
