-- Which part of each account's requests this process may take: as much as every other, and no more than the others'
-- parts leave. So all parts that are written down never make more than one, in whichever order processes come and
-- learn of others.
create or replace function fair_shares(
    p_process uuid, p_providers text[], p_now timestamptz
) returns table (provider text, share numeric)
language sql stable set search_path = public, pg_temp as $$
    select w.provider, least(trunc(1.0 / (count(o.process) + 1), 6), greatest(1 - coalesce(sum(o.share), 0), 0))
      from unnest(p_providers) w (provider)
      left join account_shares o on o.provider = w.provider and o.process <> p_process and o.until > p_now
     group by w.provider
$$;
