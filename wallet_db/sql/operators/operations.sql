-- Movements of money by the hour or day and by type: how many, and how much. $1 since when, $2 'hour' or 'day'.
-- It reads the whole audit: an index by time, even a BRIN one, adds some 4 microseconds to every movement (measured on
-- the embedded PostgreSQL), and the page asks once a minute at most, while somebody looks.
select jsonb_build_object(
           'at', iso_utc(date_trunc($2, created_at, 'UTC')), 'type', type, 'operations', count(*),
           'amount', sum(abs(amount))::text)
  from balance_operations
 where created_at >= $1
 group by date_trunc($2, created_at, 'UTC'), type
 order by date_trunc($2, created_at, 'UTC'), type
