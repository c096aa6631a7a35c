-- Hands customers to be submitted to one poller: each is leased by moving its due_at to the lease's end.
-- Locks: card_customers (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_card_customers(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, user_id uuid, provider text, status text, details bytea, email_digest bytea, created_at timestamptz,
    submitted_at timestamptz, request_id text, was_due_at timestamptz, leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select c.id, c.due_at from card_customers c where c.due_at <= p_now
         order by c.due_at limit p_limit for no key update skip locked
    )
    update card_customers c set due_at = p_now + p_lease
      from due
     where c.id = due.id
    returning c.id, c.user_id, c.provider, c.status, c.details, c.email_digest, c.created_at, c.submitted_at,
              c.request_id, due.due_at, c.due_at
$$;
