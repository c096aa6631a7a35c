-- Orders that a word names: by their id or how it begins (ids from $8 to $9), their user's id or name, their number or its
-- last digits (of the last days), the provider's id. Newest first, below a place. $1 word, $2 it as a uuid, $3 its
-- digits, $4 days, $5, $6 place, $7 limit.
with named as (
    select id from users where id = $2 or name = $1
), providers as (
    select array(select distinct provider from provider_services) as names
)
select order_row from (
    select a.created_at, a.id, jsonb_build_object(
               'kind', 'activation', 'id', a.id, 'user_id', a.user_id, 'service', a.service, 'country', a.country,
               'phone', a.phone, 'status', a.status, 'price', a.price::text, 'provider', a.provider,
               'error_code', a.error_code, 'created_at', iso_utc(a.created_at), 'closed_at', iso_utc(a.closed_at),
               'next', concat(to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"'), a.id))
               as order_row
      from activations a
     where a.id in (
           select id from activations where id between $8 and $9
            union all
           select of_user.id from named cross join lateral (
                  select id from activations where user_id = named.id
                     and ($5::timestamptz is null or (created_at, id) < ($5, $6::uuid))
                   order by created_at desc, id desc limit $7) of_user
            union all
           select id from activations, providers where provider = any (providers.names) and provider_order_id = $1
            union all
           select id from activations
            where $3::text is not null and created_at > now() - make_interval(days => $4) and phone like '%' || $3)
     union all
    select r.created_at, r.id, jsonb_build_object(
               'kind', 'rental', 'id', r.id, 'user_id', r.user_id, 'service', r.service, 'country', r.country,
               'phone', r.phone, 'status', r.status, 'price', r.price::text, 'provider', r.provider,
               'error_code', r.error_code, 'created_at', iso_utc(r.created_at), 'closed_at', iso_utc(r.closed_at),
               'next', concat(to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"'), r.id))
      from rentals r
     where r.id in (
           select id from rentals where id between $8 and $9
            union all
           select of_user.id from named cross join lateral (
                  select id from rentals where user_id = named.id
                     and ($5::timestamptz is null or (created_at, id) < ($5, $6::uuid))
                   order by created_at desc, id desc limit $7) of_user
            union all
           select id from rentals, providers where provider = any (providers.names) and provider_order_id = $1
            union all
           select id from rentals
            where $3::text is not null and created_at > now() - make_interval(days => $4) and phone like '%' || $3)
) found
where $5::timestamptz is null or (created_at, id) < ($5, $6::uuid)
order by created_at desc, id desc limit $7
