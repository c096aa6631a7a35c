-- Hands due fundings to one poller: each is leased by moving its due_at to the lease's end. A card's first funding is
-- not among them: its card is the job.
-- Locks: card_fundings (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_card_fundings(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, card_id uuid, user_id uuid, status text, usd numeric, price numeric, provider text,
    provider_card_id text, card_status text, provider_reference text, seen text[], begun_at timestamptz,
    accepted_at timestamptz, created_at timestamptz, request_id text, was_due_at timestamptz, leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select f.id, f.due_at from card_fundings f where f.due_at <= p_now
         order by f.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update card_fundings f set due_at = p_now + p_lease
          from due
         where f.id = due.id
        returning f.*, due.due_at as was_due_at
    )
    select f.id, f.card_id, f.user_id, f.status, f.usd, f.price, c.provider, c.provider_card_id, c.status,
           f.provider_reference, f.seen, f.begun_at, f.accepted_at, f.created_at, f.request_id, f.was_due_at, f.due_at
      from claimed f join cards c on c.id = f.card_id
$$;
