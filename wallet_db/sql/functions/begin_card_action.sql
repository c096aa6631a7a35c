-- Writes down that the provider is going to be asked to block or unblock a card, and says which; null: that is not
-- wanted any more, or the lease is another's by now. It may be asked again by whoever has the next lease: to block what
-- is blocked changes nothing.
-- Locks: cards (row).
create or replace function begin_card_action(
    p_card_id uuid, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns text
language sql security definer set search_path = public, pg_temp as $$
    update cards set action_started_at = p_now
     where id = p_card_id and wanted_action is not null and due_at = coalesce(p_leased_until, due_at)
    returning wanted_action
$$;
