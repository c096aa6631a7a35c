-- The provider does not do what is wanted of a card: the wish is dropped, and its owner told why. False if p_action is
-- not what is wanted any more. p_due_at null: nothing else is to be done.
-- Locks: users, then cards (row). Raises: OS025 card_not_found.
create or replace function refuse_card_action(
    p_card_id uuid, p_action text, p_error_code text, p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.wanted_action is distinct from p_action or p_action is null then
        return false;
    end if;
    perform act_on_card('provider', v_card.provider);
    update cards
       set wanted_action = null, wanted_by = null, wanted_at = null, action_started_at = null,
           error_code = p_error_code,
           due_at = coalesce(p_due_at, case when refresh_asked_at is not null then p_now end)
     where id = p_card_id;
    return true;
end $$;
