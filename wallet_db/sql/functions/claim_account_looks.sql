-- Hands these providers' accounts, as far as they are due, to one poller: each is leased by moving its due_at to the
-- lease's end, before which no hint makes it due. Accounts another poller is claiming are skipped. Tells of every
-- account whether it was claimed (until when; null: not), and whether its orders are covered. An account not known yet
-- is made, due now.
-- Locks: provider_accounts (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_account_looks(
    p_providers text[], p_lease interval, p_now timestamptz default now()
) returns table (provider text, leased_until timestamptz, is_covered boolean)
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    return query
        with due as (
            select a.provider from provider_accounts a where a.provider = any (p_providers) and a.due_at <= p_now
               for no key update skip locked
        ), claimed as (
            update provider_accounts a set due_at = p_now + p_lease, hints_from = p_now + p_lease, is_hinted = false
              from due where a.provider = due.provider
            returning a.provider, a.due_at
        )
        select a.provider, c.due_at, coalesce(a.covered_until > p_now, false)
          from provider_accounts a left join claimed c using (provider) where a.provider = any (p_providers);
    if not exists (select from provider_accounts a where a.provider = any (p_providers)
                   having count(*) = cardinality(p_providers)) then
        insert into provider_accounts (provider) select unnest(p_providers) on conflict do nothing;
    end if;
end $$;
