-- Rows as their owners see them: in HTTP answers, in snapshots and in events the same. Money is decimal strings, times
-- are UTC with milliseconds.

create or replace function iso_utc(p_at timestamptz) returns text
language sql stable as $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

create or replace function sms_json(p_activation_id uuid, p_rental_id uuid) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('code', code, 'text', text, 'received_at', iso_utc(received_at))
                              order by id), '[]')
      from sms_messages
     where activation_id = p_activation_id or rental_id = p_rental_id
$$;

create or replace function activation_json(p_activation activations) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'id', p_activation.id, 'service', p_activation.service, 'country', p_activation.country,
        'phone', p_activation.phone, 'status', p_activation.status, 'price', p_activation.price::text,
        'code', sms -> -1 -> 'code', 'sms', sms,
        'cancel_requested', p_activation.cancel_requested_at is not null,
        'cancel_allowed_at', iso_utc(p_activation.cancel_allowed_at),
        'another_sms', case when p_activation.closed_at is not null then null
                            when p_activation.another_sms_requested_at is not null then 'requested'
                            when p_activation.another_sms_asked_at is not null then 'waiting' end,
        'finish_requested', p_activation.finish_requested_at is not null and p_activation.closed_at is null,
        'error_code', p_activation.error_code,
        'retry_on_timeout', case when p_activation.retry_countries is not null then
            jsonb_build_object('countries', p_activation.retry_countries) end,
        'retry_of', p_activation.retry_of, 'retried_by', p_activation.retried_by,
        'retry_refused', p_activation.retry_refused,
        'request_id', p_activation.request_id, 'created_at', iso_utc(p_activation.created_at),
        'waits_until', iso_utc(coalesce(p_activation.waits_until, p_activation.expires_at)),
        'expires_at', iso_utc(p_activation.expires_at), 'closed_at', iso_utc(p_activation.closed_at))
      from sms_json(p_activation.id, null) sms
$$;

create or replace function rental_json(p_rental rentals) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'id', p_rental.id, 'service', p_rental.service, 'country', p_rental.country, 'phone', p_rental.phone,
        'status', p_rental.status, 'hours', p_rental.hours, 'price', p_rental.price::text,
        'sms', sms_json(null, p_rental.id), 'cancel_requested', p_rental.cancel_requested_at is not null,
        'cancel_allowed_at', iso_utc(p_rental.cancel_allowed_at),
        'finish_requested', p_rental.finish_requested_at is not null,
        'extension', case when p_rental.extension_status is not null then jsonb_build_object(
            'hours', p_rental.extension_hours, 'price', p_rental.extension_price::text,
            'status', p_rental.extension_status, 'error_code', p_rental.extension_error_code,
            'requested_at', iso_utc(p_rental.extension_requested_at)) end,
        'error_code', p_rental.error_code, 'request_id', p_rental.request_id,
        'created_at', iso_utc(p_rental.created_at),
        'ends_at', iso_utc(p_rental.ends_at), 'closed_at', iso_utc(p_rental.closed_at))
$$;

create or replace function operation_json(p_operation balance_operations) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'number', p_operation.number, 'type', p_operation.type, 'amount', p_operation.amount::text,
        'balance_before', p_operation.balance_before::text, 'balance_after', p_operation.balance_after::text,
        'frozen_before', p_operation.frozen_before::text, 'frozen_after', p_operation.frozen_after::text,
        'available_before', p_operation.available_before::text, 'available_after', p_operation.available_after::text,
        'transaction_id', p_operation.transaction_id, 'hold_transaction_id', p_operation.hold_transaction_id,
        'reason', p_operation.reason,
        'activation_id', p_operation.activation_id, 'rental_id', p_operation.rental_id,
        'at', iso_utc(p_operation.created_at))
$$;

create or replace function wallet_json(p_user users) returns jsonb
language sql immutable as $$
    select jsonb_build_object('balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text,
                              'available', (p_user.balance - p_user.frozen_balance)::text)
$$;

-- An event's payload without code and text of any SMS in it, and saying so.
create or replace function redacted_json(p_payload jsonb) returns jsonb
language sql immutable as $$
    select p_payload || '{"redacted": true}'
        || case when p_payload ? 'code' then '{"code": null}' else '{}' end::jsonb
        || case when p_payload ? 'text' then '{"text": null}' else '{}' end::jsonb
        || case when p_payload ? 'sms' then jsonb_build_object('sms', (
               select coalesce(jsonb_agg(sms || '{"code": null, "text": null}' order by number), '[]')
                 from jsonb_array_elements(p_payload -> 'sms') with ordinality as received (sms, number)))
           else '{}' end
$$;

-- All a page needs to draw itself: the wallet, every open order, the newest closed ones, the cards that have not ended
-- or did so within a day. `seq` is the user's newest
-- event in the same snapshot of the database, so what follows it is exactly what the state lacks. Null: no such user.
create or replace function snapshot_json(p_user_id uuid, p_closed integer default 20) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'seq', u.event_seq,
        'wallet', wallet_json(u),
        'activations', (
            select coalesce(jsonb_agg(activation_json(a) order by a.created_at desc, a.id desc), '[]')
              from activations a
             where a.id in (select id from activations where user_id = u.id and closed_at is null
                             union all
                            (select id from activations where user_id = u.id and closed_at is not null
                              order by created_at desc, id desc limit p_closed))),
        'rentals', (
            select coalesce(jsonb_agg(rental_json(r) order by r.created_at desc, r.id desc), '[]')
              from rentals r
             where r.id in (select id from rentals where user_id = u.id and closed_at is null
                             union all
                            (select id from rentals where user_id = u.id and closed_at is not null
                              order by created_at desc, id desc limit p_closed))),
        'cards', (
            select coalesce(jsonb_agg(card_json(c) order by c.created_at desc, c.id desc), '[]')
              from cards c
             where c.user_id = u.id and (c.closed_at is null or c.closed_at > now() - interval '1 day')))
      from users u where u.id = p_user_id
$$;
