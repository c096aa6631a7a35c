-- Open orders that nobody has looked at for a minute after they were due, that have no number after two minutes, or that
-- are open longer than their number lives; with what says why. Newest first, below a place. Reads open orders only, by
-- the index of what is due. $1, $2 place, $3 limit.
select jsonb_build_object(
           'kind', kind, 'id', id, 'user_id', user_id, 'service', service, 'country', country,
           'phone', phone, 'status', status, 'price', price::text, 'provider', provider, 'error_code', error_code,
           'created_at', iso_utc(created_at), 'closed_at', null, 'expires_at', iso_utc(expires_at),
           'purchase_started_at', iso_utc(purchase_started_at), 'attempts', attempts,
           'last_outcome', (select t.outcome from route_attempts t where t.activation_id = o.id
                             order by t.number desc limit 1),
           'cancel_requested_at', iso_utc(cancel_requested_at), 'cancel_allowed_at', iso_utc(cancel_allowed_at),
           'overdue_s', floor(extract(epoch from now() - due_at))::bigint,
           'purchased_s', floor(extract(epoch from now() - purchased_at))::bigint,
           'is_past_end', coalesce(expires_at < now(), false),
           'next', concat(to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"'), id)) as order_row
  from (select 'activation' as kind, id, user_id, service, country, phone, status, price, provider, error_code,
               created_at, expires_at, purchase_started_at, purchased_at, attempts, cancel_requested_at,
               cancel_allowed_at, due_at from activations where due_at is not null and frozen_amount > 0
         union all
        select 'rental', id, user_id, service, country, phone, status, price, provider, error_code,
               created_at, ends_at, purchase_started_at, purchased_at, 0, cancel_requested_at,
               cancel_allowed_at, due_at from rentals where due_at is not null) o
 where (due_at < now() - interval '1 minute'
        or status = 'ordering' and created_at < now() - interval '2 minutes'
        or expires_at < now() - interval '1 minute')
   and ($1::timestamptz is null or (created_at, id) < ($1, $2::uuid))
 order by created_at desc, id desc limit $3
