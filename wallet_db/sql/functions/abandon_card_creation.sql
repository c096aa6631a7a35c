-- The provider surely made no card: the intent is taken back, and may be carried out again at p_due_at. Not of one that
-- it has accepted. p_leased_until: as with begin_card_creation.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS025 card_not_found.
create or replace function abandon_card_creation(
    p_card_id uuid, p_due_at timestamptz, p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    update card_fundings set begun_at = null
     where card_id = p_card_id and kind = 'creation' and status = 'ordering';
    if not found then
        return false;
    end if;
    update cards set due_at = p_due_at where id = p_card_id;
    return true;
end $$;
