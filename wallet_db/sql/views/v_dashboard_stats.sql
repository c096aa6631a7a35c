-- The whole in one row: what is so now, and what became of the orders of the last 24 hours (as in v_service_health).
-- overdue: orders and rentals that nobody has looked at for a minute after they were due, so pollers are lacking.
create or replace view v_dashboard_stats as
select now() as at, u.users, u.balance, u.frozen,
       (select count(*) from activations where frozen_amount > 0) as activations_open,
       (select count(*) from rentals where status in ('ordering', 'active')) as rentals_open,
       (select count(*) from activations where due_at < now() - interval '1 minute')
           + (select count(*) from rentals where due_at < now() - interval '1 minute') as overdue,
       o.orders, o.decided, o.received, o.cancelled, o.timeout, o.expired, o.failed,
       round(o.received::numeric / nullif(o.decided, 0), 3) as success, o.buy_s_p50,
       o.sms_s[1] as sms_s_p50, o.sms_s[2] as sms_s_p90,
       o.price_paid, o.cost
  from (select count(*) as users, coalesce(sum(balance), 0.00) as balance,
               coalesce(sum(frozen_balance), 0.00) as frozen from users) u
 cross join (
       select count(*) as orders, count(*) filter (where outcome not in ('open', 'refunded')) as decided,
              count(*) filter (where outcome = 'received') as received,
              count(*) filter (where outcome = 'cancelled') as cancelled,
              count(*) filter (where outcome = 'timeout') as timeout,
              count(*) filter (where outcome = 'expired') as expired,
              count(*) filter (where outcome = 'failed') as failed,
              percentile_cont(0.5) within group (order by extract(epoch from purchased_at - created_at)) as buy_s_p50,
              percentile_cont(array[0.5, 0.9]) within group (
                  order by extract(epoch from sms_at - purchased_at)) as sms_s,
              coalesce(sum(price_paid), 0.00) as price_paid, coalesce(sum(cost), 0.0000) as cost
         from v_activation_outcomes
        where created_at > now() - interval '24 hours') o;
