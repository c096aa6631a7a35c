-- Gives a lease back: the card is next due then; null: there is nothing to do until somebody wants something of it. A
-- card that waits to be made, or that something is wanted of, keeps its lease's end instead of null. If somebody else
-- made it due meanwhile, that stands.
-- Locks: cards (row).
create or replace function reschedule_card(
    p_card_id uuid, p_leased_until timestamptz, p_due_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update cards
       set due_at = coalesce(p_due_at, case when status = 'pending_activation' or wanted_action is not null
                                                 or refresh_asked_at is not null then due_at end)
     where id = p_card_id and due_at = p_leased_until
$$;
