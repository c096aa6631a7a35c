-- Hands what providers told us and nobody has applied to one poller: each is leased by moving its due_at to the lease's
-- end. card_id is the card of this id by now, if there is one.
-- Locks: strowallet_webhook_events (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_card_webhooks(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id bigint, event_id text, event text, provider_card_id text, card_id uuid, payload jsonb, received_at timestamptz,
    was_due_at timestamptz, leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select e.id, e.due_at from strowallet_webhook_events e where e.due_at <= p_now
         order by e.due_at limit p_limit for no key update skip locked
    )
    update strowallet_webhook_events e set due_at = p_now + p_lease
      from due
     where e.id = due.id
    returning e.id, e.event_id, e.event, e.provider_card_id,
              coalesce(e.card_id, (select c.id from cards c
                                    where c.provider = 'strowallet' and c.provider_card_id = e.provider_card_id)),
              e.payload, e.received_at, due.due_at, e.due_at
$$;
