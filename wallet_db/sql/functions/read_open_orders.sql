-- The orders of an account that wait for an SMS, their first or one more, and whether somebody watches: who has a
-- realtime connection, or has bought so short a time ago that nobody can have noted the connection yet. age: since it
-- waits. codes, texts: what has come already, which a list of the provider's tells again and again.
create or replace function read_open_orders(
    p_provider text, p_just_now interval, p_now timestamptz default now()
) returns table (id uuid, provider_order_id text, age interval, is_watched boolean, codes text[], texts text[],
                 request_id text)
language sql stable security definer set search_path = public, pg_temp as $$
    select a.id, a.provider_order_id, p_now - a.purchased_at,
           a.purchased_at > p_now - p_just_now or coalesce(p.until > p_now, false), '{}'::text[], '{}'::text[],
           a.request_id
      from activations a left join presence p using (user_id)
     where a.provider = p_provider and a.status = 'pending'
     union all
    select a.id, a.provider_order_id, p_now - a.another_sms_asked_at,
           a.another_sms_asked_at > p_now - p_just_now or coalesce(p.until > p_now, false), known.codes, known.texts,
           a.request_id
      from activations a left join presence p using (user_id),
           lateral (select coalesce(array_agg(m.code) filter (where m.code is not null), '{}') as codes,
                           coalesce(array_agg(m.text) filter (where m.text <> ''), '{}') as texts
                      from sms_messages m where m.activation_id = a.id) known
     where a.provider = p_provider and a.status = 'received' and a.another_sms_asked_at is not null
$$;
