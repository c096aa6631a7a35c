-- Hands due cards to one poller: to be made, to be looked at, to be blocked or unblocked. Each is leased by moving its
-- due_at to the lease's end. customer_details and name_on_card_sealed are what the making of it needs; the last four
-- before the lease are those of its first funding, null for an imported card.
-- Locks: cards (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_cards(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, user_id uuid, status text, provider text, provider_card_id text, reference text, customer_id uuid,
    provider_customer_id text, customer_details bytea, name_on_card_sealed bytea, last4_sealed bytea, balance numeric,
    checked_at timestamptz, refresh_asked_at timestamptz, wanted_action text, wanted_by text, wanted_at timestamptz,
    action_started_at timestamptz, created_at timestamptz, request_id text, funding_id uuid, usd numeric,
    creation_begun_at timestamptz, creation_accepted_at timestamptz, was_due_at timestamptz, leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select c.id, c.due_at from cards c where c.due_at <= p_now
         order by c.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update cards c set due_at = p_now + p_lease
          from due
         where c.id = due.id
        returning c.*, due.due_at as was_due_at
    )
    select c.id, c.user_id, c.status, c.provider, c.provider_card_id, c.reference, c.customer_id,
           u.provider_customer_id, u.details, c.name_on_card_sealed, c.last4_sealed, c.balance, c.checked_at,
           c.refresh_asked_at, c.wanted_action, c.wanted_by, c.wanted_at, c.action_started_at, c.created_at,
           c.request_id, f.id, f.usd, f.begun_at, f.accepted_at, c.was_due_at, c.due_at
      from claimed c
      left join card_customers u on u.id = c.customer_id
      left join card_fundings f on f.card_id = c.id and f.kind = 'creation'
$$;
