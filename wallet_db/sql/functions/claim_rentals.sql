-- Hands due rentals to one poller: each is leased by moving its due_at to the lease's end, as claim_activations does.
-- Locks: rentals (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_rentals(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, user_id uuid, status text, service text, country text, hours integer, price numeric,
    provider text, provider_order_id text, phone text, created_at timestamptz, purchase_started_at timestamptz,
    purchase_seen text[], purchased_at timestamptz, ends_at timestamptz, cancel_requested_at timestamptz,
    finish_requested_at timestamptz, extension_hours integer, extension_status text,
    extension_requested_at timestamptz, extension_started_at timestamptz, was_due_at timestamptz,
    leased_until timestamptz, request_id text
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select r.id, r.due_at from rentals r where r.due_at <= p_now
         order by r.due_at limit p_limit for no key update skip locked
    )
    update rentals r set due_at = p_now + p_lease
      from due
     where r.id = due.id
    returning r.id, r.user_id, r.status, r.service, r.country, r.hours, r.price, r.provider, r.provider_order_id,
              r.phone, r.created_at, r.purchase_started_at, r.purchase_seen, r.purchased_at, r.ends_at,
              r.cancel_requested_at, r.finish_requested_at, r.extension_hours, r.extension_status,
              r.extension_requested_at, r.extension_started_at, due.due_at, r.due_at, r.request_id
$$;
