-- Hands reveals that somebody still waits for to one poller: each is leased by moving its due_at to the lease's end.
-- Those that nobody waits for any more are refused here.
-- Locks: card_reveals (rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_card_reveals(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, card_id uuid, user_id uuid, provider text, provider_card_id text, public_key bytea, asked_at timestamptz,
    expires_at timestamptz, was_due_at timestamptz, leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select r.id, r.due_at, r.expires_at <= p_now as has_expired from card_reveals r where r.due_at <= p_now
         order by r.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update card_reveals r
           set due_at = case when not due.has_expired then p_now + p_lease end,
               status = case when due.has_expired then 'refused' else r.status end,
               error_code = case when due.has_expired then 'EXPIRED' end,
               ended_at = case when due.has_expired then p_now end
          from due
         where r.id = due.id
        returning r.*, due.due_at as was_due_at
    )
    select r.id, r.card_id, r.user_id, c.provider, c.provider_card_id, r.public_key, r.asked_at, r.expires_at,
           r.was_due_at, r.due_at
      from claimed r join cards c on c.id = r.card_id
     where r.status = 'asked'
$$;
