-- The money is on the card: the funding completes and its hold is spent. p_provider_transaction_id: of the card's
-- transaction that it is, which no other funding is. False if it was decided already, was never begun, or is a card's
-- first, which record_card_state decides. The provider's word is final and needs no lease.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS007 unknown_order; unique_violation
-- (card_fundings_transaction_is_one_funding).
create or replace function complete_card_funding(
    p_funding_id uuid, p_provider_transaction_id text, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    perform act_on_card('provider', (select provider from cards where id = v_funding.card_id));
    if v_funding.kind <> 'funding' or v_funding.begun_at is null
       or not end_card_funding(p_funding_id, 'completed', null, p_now, p_provider_transaction_id) then
        return false;
    end if;
    perform atomic_commit(v_funding.user_id, p_transaction_id => v_funding.transaction_id, p_reason => 'card funded');
    return true;
end $$;
