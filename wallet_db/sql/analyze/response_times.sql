-- Seconds from order to purchase and from purchase to the first SMS, of the orders made from $1 until $2, as
-- v_response_time has them of the last 24 hours. A row a service, and one with service null for all.
select service, count(*) as bought, count(sms_at) as served,
       percentile_cont(array[0.5, 0.9, 0.99]) within group (
           order by date_part('epoch', purchased_at - created_at)) as buy_s,
       percentile_cont(array[0.5, 0.9, 0.99]) within group (
           order by date_part('epoch', sms_at - purchased_at)) as sms_s
  from v_activation_outcomes
 where created_at >= $1 and created_at < $2 and purchased_at is not null
 group by grouping sets ((), (service))
 order by service nulls first;
