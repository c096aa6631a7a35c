-- How long after its purchase (if nothing was bought: after it was made) an order without an SMS came to its end, of
-- those made from $1 until $2: a row an outcome and minute from 0 to 40, which stands for all above. at_20: those that
-- ended within $3 seconds of 20 minutes.
select outcome, least(floor(ended_s / 60), 40)::integer as minute, count(*) as orders,
       count(*) filter (where abs(ended_s - 1200) <= $3::float8) as at_20
  from (select outcome,
               greatest(date_part('epoch', closed_at - coalesce(purchased_at, created_at)), 0) as ended_s
          from v_activation_outcomes
         where created_at >= $1 and created_at < $2 and outcome in ('cancelled', 'timeout', 'expired')) ended
 group by 1, 2
 order by 1, 2;
