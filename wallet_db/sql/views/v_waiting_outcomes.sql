-- What came of waiting so long: each arm of each experiment by its orders whose time is up. The others are left out even
-- if their SMS has come (`waiting`), else the share would be that of the quick ones; and so are those whose users
-- cancelled within a minute, which shows nothing. share_low and share_high: Wilson's interval of 95 %.
-- earned: what users paid, kept shares of timeouts included. cost: what numbers cost upstream that were not given back.
create or replace view v_waiting_outcomes as
select w.service, w.arm, w.wait_s, w.weight, w.started_at, w.ended_at, o.waiting, o.orders, o.delivered,
       round(o.delivered / n.orders, 3) as share,
       round((n.middle - n.spread) / n.whole, 3) as share_low, round((n.middle + n.spread) / n.whole, 3) as share_high,
       o.sms_s_median, o.earned, o.cost
  from waiting_arms w
 cross join lateral (
       select count(*) filter (where not is_over) as waiting, count(*) filter (where is_counted) as orders,
              count(*) filter (where is_counted and sms_at is not null) as delivered,
              percentile_cont(0.5) within group (order by extract(epoch from sms_at - bought_at))
                  filter (where is_counted) as sms_s_median,
              coalesce(sum(earned) filter (where is_counted), 0.00) as earned,
              coalesce(sum(cost) filter (where is_counted), 0.0000) as cost
         from (select t.sms_at, t.ended_at as bought_at, e.is_over, e.is_over and t.served is not null as is_counted,
                      case when a.status in ('received', 'completed') or a.late_sms_at is not null
                           then a.provider_cost else 0 end as cost,
                      (select coalesce(sum(h.committed_amount), 0) from wallet_holds h
                        where h.activation_id = a.id or h.transaction_id = format('activation:%s:late', a.id)) as earned
                 -- The attempts of the service since then: an index has them, and the order's key leads on.
                 from route_attempts t
                 join activations a on a.id = t.activation_id and a.attempts = t.number and a.waiting_arm_id = w.id
                cross join lateral (
                      select a.status in ('timeout', 'cancelled')
                             or coalesce(a.waits_until, a.expires_at) <= now() as is_over) e
                where t.service = w.service and t.started_at >= w.started_at and t.outcome = 'sold') sold) o
 cross join lateral (
       select z.orders, o.delivered / z.orders + 1.9208 / z.orders as middle, 1 + 3.8416 / z.orders as whole,
              1.96 * sqrt(o.delivered / z.orders * (1 - o.delivered / z.orders) / z.orders
                          + 0.9604 / (z.orders * z.orders)) as spread
         from (select nullif(o.orders, 0)::numeric as orders) z) n;
