-- Pairs of operations next to one another in a user's audit, of different transactions, that began from $1 until $2 and
-- within $3 milliseconds of each other. An operation's time is its transaction's beginning, its number the order in
-- which they got the wallet's lock. So where the second began before the first (distance below 0) their transactions
-- overlapped and one waited, however long; where it began shortly after, they may have. Operations of one transaction
-- share its time to the microsecond and race with nobody.
-- A pair chains if the second found what the first had left; `correct` alone may find other frozen money. Where an
-- operator has looked into one that does not (acknowledged_breaks), it is counted by itself.
-- One row: counts, the distances in steps, the types, the users to look at more closely ($4), pairs written out ($5).
with begun as materialized (  -- read in one go, then sorted: by the key's index each row would be fetched by itself
    select user_id, number, created_at from balance_operations where created_at >= $1 and created_at < $2
),
following as (
    select user_id, number, created_at, lag(number) over of_user as previous_number,
           lag(created_at) over of_user as previous_at
      from begun
    window of_user as (partition by user_id order by number)
),
near as materialized (
    select o.user_id, o.number, o.type, o.amount, o.created_at, p.type as previous_type, p.amount as previous_amount,
           date_part('epoch', o.created_at - p.created_at) * 1000 as distance_ms,
           o.created_at < p.created_at as is_overlapping,
           o.balance_before = p.balance_after
               and (o.frozen_before = p.frozen_after or o.type = 'correct') as chains, k.number is not null as is_known
      from following f
      join balance_operations o on o.user_id = f.user_id and o.number = f.number
      join balance_operations p on p.user_id = f.user_id and p.number = f.previous_number
      left join acknowledged_breaks k on k.user_id = f.user_id and k.number = f.number
     where f.previous_number = f.number - 1 and f.created_at <> f.previous_at
       and f.created_at < f.previous_at + make_interval(secs => $3::float8 / 1000)
),
steps as (
    select width_bucket(abs(distance_ms), array[0, 1, 5, 20, 50, 100, 200, 500]::float8[]) as step, count(*) as pairs
      from near group by 1
),
types as (
    select previous_type, type, count(*) as pairs, count(*) filter (where is_overlapping) as overlapping,
           min(abs(distance_ms)) as nearest_ms
      from near group by 1, 2
),
racing as (
    select user_id, bool_and(chains or is_known) as chain, count(*) as pairs from near group by 1 order by 2, 3 desc, 1 limit $4
),
nearest as (
    select *, row_number() over (order by chains or is_known, chains, abs(distance_ms), user_id, number) as place
      from near order by place limit $5
)
select (select count(*) from near) as pairs,
       (select count(*) from near where is_overlapping) as overlapping,
       (select count(*) from near where not chains and not is_known) as unchained,
       (select count(*) from near where not chains and is_known) as acknowledged,
       (select count(distinct user_id) from near) as users,
       (select percentile_cont(0.5) within group (order by abs(distance_ms)) from near) as distance_ms_p50,
       (select coalesce(jsonb_object_agg(step, pairs), '{}') from steps) as steps,
       (select coalesce(jsonb_agg(to_jsonb(t) order by pairs desc, previous_type, type), '[]') from types t) as types,
       (select coalesce(array_agg(user_id), '{}') from racing) as racing,
       (select coalesce(jsonb_agg(jsonb_build_object(
                   'user_id', user_id, 'number', number, 'previous_type', previous_type, 'type', type,
                   'previous_amount', previous_amount::text, 'amount', amount::text, 'at', iso_utc(created_at),
                   'distance_ms', round(distance_ms::numeric, 3), 'overlaps', is_overlapping, 'chains', chains,
                   'is_acknowledged', not chains and is_known) order by place), '[]') from nearest) as nearest;
