-- How the orders made from $1 until $2 ended: a row a kind of label, label and outcome. Days and hours of the day are
-- UTC's. All is counted twice, by time and by all the rest, and the few rows that are left are added up by each kind.
with by_time as materialized (
    select outcome, date_bin('1 hour', created_at, 'epoch') as hour, count(*) as orders, sum(price_paid) as price_paid,
           sum(cost) as cost, count(late_sms_at) as late
      from v_activation_outcomes
     where created_at >= $1 and created_at < $2
     group by 1, 2
),
by_rest as materialized (
    select outcome, service, country, coalesce(provider, '') as provider,
           case when outcome in ('expired', 'failed') then coalesce(error_code, '') end as error_code,
           count(*) as orders, sum(price_paid) as price_paid, sum(cost) as cost, count(late_sms_at) as late
      from v_activation_outcomes
     where created_at >= $1 and created_at < $2
     group by 1, 2, 3, 4, 5
),
labelled as (
    select l.kind, l.label, outcome, orders, price_paid, cost, late
      from by_time, lateral (values ('all', ''), ('day', to_char(hour, 'YYYY-MM-DD')), ('hour', to_char(hour, 'HH24'))
           ) l (kind, label)
     union all
    select l.kind, l.label, outcome, orders, price_paid, cost, late
      from by_rest, lateral (values ('service', service), ('country', country), ('provider', provider),
                                    ('error_code', error_code)) l (kind, label)
)
select kind, label, outcome, sum(orders)::bigint as orders, sum(price_paid) as price_paid, sum(cost) as cost,
       sum(late)::bigint as late
  from labelled
 where label is not null
 group by 1, 2, 3
 order by 1, 2, 3;
