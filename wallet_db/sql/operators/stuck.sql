-- Open orders that nobody has looked at for a minute after they were due, or that are open longer than a number lives.
-- Newest first, below a place. Reads open orders only, by the index of what is due. $1, $2 place, $3 limit.
select jsonb_build_object(
           'kind', 'activation', 'id', id, 'user_id', user_id, 'service', service, 'country', country,
           'phone', phone, 'status', status, 'price', price::text, 'provider', provider, 'error_code', error_code,
           'created_at', iso_utc(created_at), 'closed_at', null,
           'next', concat(to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"'), id)) as order_row
  from activations
 where due_at is not null and frozen_amount > 0
   and (due_at < now() - interval '1 minute'
        or coalesce(expires_at, created_at + interval '10 minutes') < now() - interval '1 minute')
   and ($1::timestamptz is null or (created_at, id) < ($1, $2::uuid))
 order by created_at desc, id desc limit $3
