-- Tells the operators of orders that are open p_after past their end, or past their creation if they have none yet: no
-- poller can bring them to an end, because their account is not configured any more, or its key is bad. Their money is
-- not given back by the clock: an SMS may have been delivered that nobody could see. One row of system_logs for each
-- account in 24 hours, with how many orders it are and the oldest few. Returns how many are overdue.
-- Locks: none. Two calls at a time may both tell.
create or replace function tell_overdue(p_after interval, p_now timestamptz default now()) returns integer
language sql security definer set search_path = public, pg_temp as $$
    with overdue as (
        select 'activation' as kind, id, provider, coalesce(expires_at, created_at) as since, frozen_amount
          from activations where due_at is not null and coalesce(expires_at, created_at) < p_now - p_after
         union all
        select 'rental', id, provider, coalesce(ends_at, created_at), frozen_amount
          from rentals where due_at is not null and coalesce(ends_at, created_at) < p_now - p_after
    ), accounts as (
        select coalesce(provider, '') as provider, count(*) as orders, sum(frozen_amount) as frozen,
               min(since) as oldest_at,
               (array_agg(jsonb_build_object(kind || '_id', id) order by since, id))[1:10] as oldest
          from overdue group by 1
    ), told as (
        insert into system_logs (at, level, source, message, data)
        select p_now, 'error', 'tell_overdue', 'ORDERS_OVERDUE', jsonb_build_object(
                   'provider', provider, 'orders', orders, 'frozen', frozen::text, 'oldest_at', iso_utc(oldest_at),
                   'oldest', oldest)
          from accounts
         where not exists (select from system_logs l
                            where l.at > p_now - interval '1 day' and l.source = 'tell_overdue'
                              and l.data ->> 'provider' = accounts.provider)
    )
    select count(*)::integer from overdue
$$;
