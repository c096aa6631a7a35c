-- Orders by the hour or day they were placed in, and what became of them. $1 since when, $2 'hour' or 'day'.
select jsonb_build_object(
           'at', iso_utc(date_trunc($2, created_at, 'UTC')), 'orders', count(*),
           'open', count(*) filter (where outcome = 'open'), 'received', count(*) filter (where outcome = 'received'),
           'cancelled', count(*) filter (where outcome = 'cancelled'),
           'timeout', count(*) filter (where outcome = 'timeout'),
           'expired', count(*) filter (where outcome = 'expired'),
           'failed', count(*) filter (where outcome = 'failed'),
           'refunded', count(*) filter (where outcome = 'refunded'),
           'sms_s_p50', round((percentile_cont(0.5) within group (
               order by extract(epoch from sms_at - purchased_at)))::numeric, 1),
           'sms_s_p90', round((percentile_cont(0.9) within group (
               order by extract(epoch from sms_at - purchased_at)))::numeric, 1),
           'price_paid', sum(price_paid)::text, 'cost', round(sum(cost), 2)::text)
  from v_activation_outcomes
 where created_at >= $1
 group by date_trunc($2, created_at, 'UTC')
 order by date_trunc($2, created_at, 'UTC')
