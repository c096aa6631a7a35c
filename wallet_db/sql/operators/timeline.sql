-- What is known to have happened with an order, in the order of time: what its user was told and what providers were
-- asked (both kept for days), what money moved, who was asked for a number, which SMS came, what a client has shown, what
-- was logged. Codes and texts are not in it: that an SMS had a code, is. $1 the order's id, $2 limit.
with o as (
    select id, user_id, created_at, least(coalesce(closed_at, now()), created_at + interval '60 days') as closed_at
      from activations where id = $1
     union all
    select id, user_id, created_at, least(coalesce(closed_at, now()), created_at + interval '60 days')
      from rentals where id = $1
), entries as (
    select e.at, 1 as rank, e.seq as number, 'event' as kind, e.type as what, jsonb_strip_nulls(jsonb_build_object(
               'seq', e.seq, 'status', e.payload ->> 'status', 'error_code', e.payload ->> 'error_code',
               'cancel_requested', nullif(e.payload -> 'cancel_requested', 'false'))) as detail
      from o join events e on e.user_id = o.user_id
     where e.type ~ '^(activation|rental)\.' and e.payload ->> 'id' = o.id::text
        or e.type = 'sms.received' and o.id::text in (e.payload ->> 'activation_id', e.payload ->> 'rental_id')
     union all
    select b.created_at, 2, b.number, 'operation', b.type, jsonb_build_object(
               'number', b.number, 'amount', b.amount::text, 'balance', b.balance_after::text,
               'frozen', b.frozen_after::text, 'actor', b.actor, 'reason', b.reason)
      from o join balance_operations b on b.user_id = o.user_id
     where o.id in (b.activation_id, b.rental_id)
     union all
    select t.started_at, 0, t.number, 'provider', t.provider, jsonb_strip_nulls(jsonb_build_object(
               'attempt', t.number, 'country', t.country, 'outcome', t.outcome,
               'seconds', round(extract(epoch from t.ended_at - t.started_at), 3), 'ended', t.status))
      from o join route_attempts t on t.activation_id = o.id
     union all
    select c.at, 0, c.id, 'call', c.provider, jsonb_strip_nulls(jsonb_build_object(
               'method', c.method, 'outcome', c.outcome, 'answer', c.answer, 'seconds', round(c.seconds::numeric, 3),
               'times', nullif(c.times, 1)))
      from provider_calls c where c.order_id = $1
     union all
    select m.received_at, 0, m.id, 'sms', case when m.code is null then 'without a code' else 'with a code' end, '{}'
      from o join sms_messages m on m.activation_id = o.id or m.rental_id = o.id
     union all
    select r.at, 3, r.seq, 'receipt', coalesce(r.type, 'shown'), jsonb_build_object(
               'seq', r.seq, 'transport', r.transport)
      from o join receipts r on r.user_id = o.user_id and r.order_id = o.id
     union all
    select l.at, 4, l.id, 'log', l.message, l.data - 'user_id' - 'activation_id' || jsonb_build_object(
               'level', l.level, 'source', l.source)
      from o join system_logs l on l.at between o.created_at - interval '1 minute' and o.closed_at + interval '1 day'
     where o.id::text in (l.data ->> 'activation_id', l.data ->> 'rental_id', l.data ->> 'order_id')
)
select jsonb_build_object('at', iso_utc(at), 'kind', kind, 'what', what, 'detail', detail)
  from (select * from entries order by at desc, rank desc, number desc limit $2) newest
 order by at, rank, number
