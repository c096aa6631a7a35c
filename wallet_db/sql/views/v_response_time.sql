-- How long the orders of the last 24 hours took, in seconds: from the user's order to the purchase (buy_s, with all
-- providers asked on the way), and from the purchase to the first SMS (sms_s; orders without one are not in it). A row
-- for each service of which something was bought; service null: all of them.
create or replace view v_response_time as
select service, bought, buy_s[1] as buy_s_p50, buy_s[2] as buy_s_p90, buy_s[3] as buy_s_p99,
       served, sms_s[1] as sms_s_p50, sms_s[2] as sms_s_p90, sms_s[3] as sms_s_p99
  from (select service, count(*) as bought, count(sms_at) as served,
               percentile_cont(array[0.5, 0.9, 0.99]) within group (
                   order by extract(epoch from purchased_at - created_at)) as buy_s,
               percentile_cont(array[0.5, 0.9, 0.99]) within group (
                   order by extract(epoch from sms_at - purchased_at)) as sms_s
          from v_activation_outcomes
         where created_at > now() - interval '24 hours' and purchased_at is not null
         group by grouping sets ((), (service))) taken;
