-- Writes down, before the provider is asked, that it is going to be asked for a card. True for one caller, until
-- abandon_card_creation says that none was made: whoever finds it begun waits for word of it, and never asks again.
-- p_leased_until: the caller's lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS025 card_not_found.
create or replace function begin_card_creation(
    p_card_id uuid, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    update card_fundings set begun_at = p_now
     where card_id = p_card_id and kind = 'creation' and status = 'ordering' and begun_at is null;
    return found;
end $$;
