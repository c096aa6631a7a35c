-- A process says that it is alive and learns its part of each account's requests, for how many seconds that is its
-- own, and what the provider wants left alone, for how long. Writes only when the part changes, or when more than a
-- third of the lease is gone: asked every second by each process, that is a read most of the time.
-- A new process gets what the others have left, so nothing until they have heard of it. Who asked for its part and lost
-- the answer may go on with the old, larger part until its own lease ends.
-- Locks: advisory (20307, 3), if it writes; account_shares (rows).
create or replace function share_accounts(
    p_process uuid, p_providers text[], p_lease interval, p_now timestamptz default now()
) returns table (provider text, share numeric, left_s double precision, rests jsonb)
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if exists (select from fair_shares(p_process, p_providers, p_now) f
                 left join account_shares s on s.provider = f.provider and s.process = p_process
                where s.share is distinct from f.share or s.until < p_now + p_lease * 2 / 3) then
        perform pg_advisory_xact_lock(20307, 3);
        delete from account_shares s where s.until <= p_now;
        insert into account_shares as s (provider, process, share, until)
        select f.provider, p_process, f.share, p_now + p_lease from fair_shares(p_process, p_providers, p_now) f
            on conflict on constraint account_shares_pkey do update set share = excluded.share, until = excluded.until;
    end if;
    return query
        select s.provider, s.share, extract(epoch from s.until - p_now)::double precision,
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'scope', r.scope, 'service', r.service, 'country', r.country, 'reason', r.reason,
                           'left_s', extract(epoch from r.until - p_now), 'told_until', iso_utc(r.told_until))), '[]')
                  from account_rests r where r.provider = s.provider and r.until > p_now)
          from account_shares s where s.process = p_process and s.provider = any (p_providers);
end $$;
