-- One order as an operator sees it, with its user's wallet; no row: there is none. $1 its id.
select jsonb_build_object(
           'kind', o.kind, 'id', o.id, 'user_id', o.user_id, 'service', o.service, 'country', o.country,
           'phone', o.phone, 'status', o.status, 'price', o.price::text, 'frozen', o.frozen_amount::text,
           'provider', o.provider, 'provider_order_id', o.provider_order_id, 'provider_cost', o.provider_cost::text,
           'error_code', o.error_code, 'attempts', o.attempts,
           'last_outcome', (select t.outcome from route_attempts t where t.activation_id = o.id
                             order by t.number desc limit 1),
           'created_at', iso_utc(o.created_at), 'purchase_started_at', iso_utc(o.purchase_started_at),
           'purchased_at', iso_utc(o.purchased_at), 'expires_at', iso_utc(o.expires_at),
           'cancel_requested_at', iso_utc(o.cancel_requested_at), 'cancel_allowed_at', iso_utc(o.cancel_allowed_at),
           'due_at', iso_utc(o.due_at), 'closed_at', iso_utc(o.closed_at),
           'overdue_s', floor(extract(epoch from now() - o.due_at))::bigint,
           'purchased_s', floor(extract(epoch from now() - o.purchased_at))::bigint,
           'is_past_end', coalesce(o.expires_at < now(), false),
           'user_name', u.name, 'wallet', wallet_json(u))
  from (select 'activation' as kind, id, user_id, service, country, phone, status, price, frozen_amount, provider,
               provider_order_id, provider_cost, error_code, attempts, created_at, purchase_started_at, purchased_at,
               expires_at, cancel_requested_at, cancel_allowed_at, due_at, closed_at from activations where id = $1
         union all
        select 'rental', id, user_id, service, country, phone, status, price, frozen_amount, provider,
               provider_order_id, provider_cost, error_code, 0, created_at, purchase_started_at, purchased_at,
               ends_at, cancel_requested_at, cancel_allowed_at, due_at, closed_at from rentals where id = $1) o
  join users u on u.id = o.user_id
