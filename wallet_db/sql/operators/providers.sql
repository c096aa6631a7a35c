-- Providers by the hour or day they were asked for a number in: how often, how often they sold, how long an answer took.
-- What was neither sold nor "no numbers" counts as an error. A purchase under way that an operator refunded, or that
-- its user had cancelled or needed no longer, is neither an error nor an answer. $1 since when, $2 'hour' or 'day'.
select jsonb_build_object(
           'at', iso_utc(date_trunc($2, started_at, 'UTC')), 'provider', provider, 'tried', count(*),
           'sold', count(*) filter (where outcome = 'sold'),
           'errors', count(*) filter (where is_answer and outcome not in ('sold', 'NO_NUMBERS')),
           'answer_s_p50', round((percentile_cont(0.5) within group (
               order by extract(epoch from ended_at - started_at)) filter (where is_answer))::numeric, 3),
           'answer_s_p90', round((percentile_cont(0.9) within group (
               order by extract(epoch from ended_at - started_at)) filter (where is_answer))::numeric, 3))
  from (select *, outcome not in ('REFUNDED_BY_OPERATOR', 'cancelled', 'SERVED_BEFORE') as is_answer
          from route_attempts where started_at >= $1) attempts
 group by date_trunc($2, started_at, 'UTC'), provider
 order by date_trunc($2, started_at, 'UTC'), provider
