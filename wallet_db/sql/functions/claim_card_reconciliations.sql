-- Hands due reconciliations of these providers to one poller, each leased by moving its due_at to the lease's end. What
-- another poller is claiming is skipped.
-- Locks: card_reconciliations (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_card_reconciliations(
    p_providers text[], p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id bigint, provider text, correct boolean, asked_by text, after_id uuid, started_at timestamptz,
    leased_until timestamptz
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select r.id from card_reconciliations r
         where r.ended_at is null and r.due_at <= p_now and r.provider = any (p_providers)
         order by r.due_at limit p_limit for no key update skip locked
    )
    update card_reconciliations r set due_at = p_now + p_lease, started_at = coalesce(r.started_at, p_now)
      from due where r.id = due.id
    returning r.id, r.provider, r.correct, r.asked_by, r.after_id, r.started_at, r.due_at
$$;
