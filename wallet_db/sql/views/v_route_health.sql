-- Every route as the last 24 hours showed it: how often it was tried and sold, what became of those that are decided,
-- how long the SMS took, and how long the provider took to answer a purchase. One that an operator ended by a refund,
-- or its user by a cancel, was not answered, and what was refunded afterwards is not decided.
create or replace view v_route_health as
select provider, service, country, coalesce(r.state, 'enabled') as state, coalesce(r.decided_by, 'rule') as decided_by,
       r.cost, r.stock, r.priced_at, coalesce(t.tried, 0) as tried, coalesce(t.sold, 0) as sold,
       coalesce(t.decided, 0) as decided, coalesce(t.delivered, 0) as delivered,
       round(t.delivered::numeric / nullif(t.decided, 0), 3) as success, t.sms_s_median, t.sms_s_p90, t.answer_s_median
  from provider_services
  join provider_countries using (provider)
  left join routes r using (provider, service, country)
  left join (
       select provider, service, country, count(*) as tried, count(*) filter (where outcome = 'sold') as sold,
              count(served) as decided, count(*) filter (where served) as delivered,
              percentile_cont(0.5) within group (order by extract(epoch from sms_at - ended_at)) as sms_s_median,
              percentile_cont(0.9) within group (order by extract(epoch from sms_at - ended_at)) as sms_s_p90,
              percentile_cont(0.5) within group (order by extract(epoch from ended_at - started_at))
                  filter (where outcome not in ('REFUNDED_BY_OPERATOR', 'cancelled', 'SERVED_BEFORE'))
                  as answer_s_median
         from route_attempts
        where started_at > now() - interval '24 hours'
        group by 1, 2, 3) t using (provider, service, country);
