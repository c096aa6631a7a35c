-- The orders of an account that wait for an SMS, and whether somebody watches: who has a realtime connection, or has
-- bought so short a time ago that nobody can have noted the connection yet.
create or replace function read_open_orders(
    p_provider text, p_just_now interval, p_now timestamptz default now()
) returns table (id uuid, provider_order_id text, age interval, is_watched boolean)
language sql stable security definer set search_path = public, pg_temp as $$
    select a.id, a.provider_order_id, p_now - a.purchased_at,
           a.purchased_at > p_now - p_just_now or coalesce(p.until > p_now, false)
      from activations a left join presence p using (user_id)
     where a.provider = p_provider and a.status = 'pending'
$$;
