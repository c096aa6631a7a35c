-- The providers that a chain of orders, from its first one on, has asked for a number of this country before its order
-- number p_before (the first one is 0).
create or replace function tried_providers(p_first uuid, p_country text, p_before integer) returns text[]
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(array_agg(distinct t.provider), '{}')
      from (select p_first as id union all
            select id from activations where retry_of = p_first and retry_number < p_before) chain
      join route_attempts t on t.activation_id = chain.id
     where t.country = p_country
$$;
