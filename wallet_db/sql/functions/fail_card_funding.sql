-- The money is not on the card: the funding fails and its hold goes back. False if it was decided already, is a card's
-- first (fail_card decides that), or the lease is another's by now. p_leased_until null: the word is final, an
-- operator's or the provider's. p_error_code CARD_FUNDING_MAY_EXIST: given up in doubt; the operators are told.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS007 unknown_order.
create or replace function fail_card_funding(
    p_funding_id uuid, p_error_code text, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    perform act_on_card(case p_error_code when 'CARD_FUNDING_MAY_EXIST' then 'system' else 'provider' end,
                        case when p_error_code <> 'CARD_FUNDING_MAY_EXIST' then
                            (select provider from cards where id = v_funding.card_id) end);
    if v_funding.kind <> 'funding' or v_funding.due_at is distinct from coalesce(p_leased_until, v_funding.due_at)
       or not end_card_funding(p_funding_id, 'failed', p_error_code, p_now) then
        return false;
    end if;
    perform atomic_refund(v_funding.user_id, p_transaction_id => v_funding.transaction_id, p_reason => p_error_code);
    return true;
end $$;
