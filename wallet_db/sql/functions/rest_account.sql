-- A provider wants something left alone, and said so to one process: all others learn it when they next share the
-- account. p_scope: pause (send nothing), account (banned), purchases, or route (of p_service in p_country). Never
-- shortens what stands. What is over goes.
-- Locks: account_rests (its own row, then those that are over, SKIP LOCKED).
create or replace function rest_account(
    p_provider text, p_scope text, p_service text, p_country text, p_lasts interval, p_told_until timestamptz,
    p_reason text, p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into account_rests as r (provider, scope, service, country, until, told_until, reason)
    values (p_provider, p_scope, p_service, p_country, p_now + p_lasts, p_told_until, left(p_reason, 200))
        on conflict on constraint account_rests_pkey do update
       set until = excluded.until, told_until = excluded.told_until, reason = excluded.reason
     where r.until < excluded.until;
    delete from account_rests r
     using (select x.provider, x.scope, x.service, x.country from account_rests x where x.until <= p_now
               for update skip locked) o
     where (r.provider, r.scope, r.service, r.country) = (o.provider, o.scope, o.service, o.country)
$$;
