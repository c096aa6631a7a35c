-- The provider makes the card, and calls it p_provider_card_id: its first funding goes to pending. Also for one whose
-- answer was lost, adopted, and one whose hold somebody has spent by its name. What came of it:
--   recorded   it is looked at from p_due_at on, until it is active
--   replayed   it has this id already
--   taken      another card of ours has this id
--   decided    the card waits for none: it has failed meanwhile, was never begun, or has another id
-- The provider's word is final and needs no lease.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS025 card_not_found.
create or replace function record_card_created(
    p_card_id uuid, p_provider_card_id text, p_reference text, p_due_at timestamptz, p_now timestamptz default now()
) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
    v_constraint text;
begin
    if v_card.provider_card_id = p_provider_card_id then
        return 'replayed';
    elsif exists (select from cards where provider = v_card.provider and provider_card_id = p_provider_card_id) then
        return 'taken';
    elsif v_card.status <> 'pending_activation' or v_card.provider_card_id is not null then
        return 'decided';
    end if;
    perform act_on_card('provider', v_card.provider);
    update card_fundings set status = 'pending', accepted_at = p_now, provider_reference = p_reference
     where card_id = p_card_id and kind = 'creation' and status = 'ordering' and begun_at is not null;
    if not found and not exists (select from card_fundings
                                  where card_id = p_card_id and kind = 'creation' and status = 'completed') then
        return 'decided';
    end if;
    update cards set provider_card_id = p_provider_card_id, reference = p_reference, due_at = p_due_at
     where id = p_card_id;
    return 'recorded';
exception when unique_violation then
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint <> 'cards_provider_card_is_unique' then
        raise;
    end if;
    return 'taken';  -- since we looked: another user's lock is not ours
end $$;
