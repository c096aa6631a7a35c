-- Hands due orders to one poller: each is leased by moving its due_at to the lease's end, so a poller that dies leaves
-- nothing behind but a row that becomes due again. Rows another poller is claiming are skipped, not waited for.
-- Returns the order with its service and country in the provider protocol's codes.
-- Locks: activations (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_activations(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, user_id uuid, status text, service_code text, country_code text, price numeric, provider text,
    provider_order_id text, phone text, created_at timestamptz, purchase_started_at timestamptz,
    purchased_at timestamptz, expires_at timestamptz, cancel_requested_at timestamptz, was_due_at timestamptz,
    leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select a.id, a.due_at from activations a where a.due_at <= p_now
         order by a.due_at limit p_limit for no key update skip locked
    )
    update activations a set due_at = p_now + p_lease
      from due, services s, countries c
     where a.id = due.id and s.service = a.service and c.country = a.country
    returning a.id, a.user_id, a.status, s.code, c.code, a.price, a.provider, a.provider_order_id, a.phone,
              a.created_at, a.purchase_started_at, a.purchased_at, a.expires_at, a.cancel_requested_at, due.due_at,
              a.due_at
$$;
