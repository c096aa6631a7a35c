-- Every service as the orders of the last 24 hours showed it. success: of the decided orders, the share that had an
-- SMS, 0 to 1. sms_s: seconds from the purchase to the first SMS.
--   CRITICAL  of five orders or more that are decided none had an SMS
--   WARNING   of twenty or more less than a fifth had
--   IDLE      nothing is decided
create or replace view v_service_health as
select service, title, price is not null as on_sale,
       coalesce(o.orders, 0) as orders, coalesce(o.open, 0) as open, coalesce(o.decided, 0) as decided,
       coalesce(o.received, 0) as received, coalesce(o.cancelled, 0) as cancelled, coalesce(o.timeout, 0) as timeout,
       coalesce(o.expired, 0) as expired, coalesce(o.failed, 0) as failed,
       round(o.received::numeric / nullif(o.decided, 0), 3) as success,
       o.sms_s[1] as sms_s_p50, o.sms_s[2] as sms_s_p90,
       coalesce(o.price_paid, 0.00) as price_paid, coalesce(o.cost, 0.0000) as cost,
       case when coalesce(o.decided, 0) = 0 then 'IDLE'
            when o.decided >= 5 and o.received = 0 then 'CRITICAL'
            when o.decided >= 20 and o.received < o.decided * 0.2 then 'WARNING'
            else 'OK' end as status
  from services
  left join (
       select service, count(*) as orders, count(*) filter (where outcome = 'open') as open,
              count(*) filter (where outcome not in ('open', 'refunded')) as decided,
              count(*) filter (where outcome = 'received') as received,
              count(*) filter (where outcome = 'cancelled') as cancelled,
              count(*) filter (where outcome = 'timeout') as timeout,
              count(*) filter (where outcome = 'expired') as expired,
              count(*) filter (where outcome = 'failed') as failed,
              percentile_cont(array[0.5, 0.9]) within group (
                  order by extract(epoch from sms_at - purchased_at)) as sms_s,
              sum(price_paid) as price_paid, sum(cost) as cost
         from v_activation_outcomes
        where created_at > now() - interval '24 hours'
        group by service) o using (service);
