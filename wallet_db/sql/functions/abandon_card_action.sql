-- The provider surely did not do what is wanted of a card: it is asked again at p_due_at. p_leased_until: the caller's
-- lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: cards (row).
create or replace function abandon_card_action(
    p_card_id uuid, p_due_at timestamptz, p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update cards set action_started_at = null, due_at = p_due_at
     where id = p_card_id and wanted_action is not null and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
