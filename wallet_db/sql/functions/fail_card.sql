-- The provider makes no card: pending_activation → failed, and what it holds goes back. False if that was decided
-- otherwise, or the lease is another's by now. p_leased_until null: the word is final, an operator's or the provider's.
-- p_error_code CARD_MAY_EXIST: given up in doubt; the operators are told. So they are if somebody has spent its hold by
-- its name, for then nothing goes back: CARD_PAID_AND_FAILED.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS025 card_not_found.
create or replace function fail_card(
    p_card_id uuid, p_error_code text, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
    v_funding card_fundings;
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    perform act_on_card(case p_error_code when 'CARD_MAY_EXIST' then 'system' else 'provider' end,
                        case when p_error_code <> 'CARD_MAY_EXIST' then v_card.provider end);
    select * into strict v_funding from card_fundings where card_id = p_card_id and kind = 'creation';
    if end_card_funding(v_funding.id, 'failed', p_error_code, p_now) then
        perform atomic_refund(v_card.user_id, p_transaction_id => v_funding.transaction_id, p_reason => p_error_code);
    else
        perform end_pending_card(p_card_id, p_error_code, p_now);
        perform tell_card_money(v_funding, 'CARD_PAID_AND_FAILED',
                                'its hold was spent by its name, and there is no card: ' || p_error_code, p_now);
    end if;
    return true;
end $$;
