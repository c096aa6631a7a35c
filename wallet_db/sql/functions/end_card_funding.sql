-- Ends a funding: completed or failed; the money is the caller's to move, in the same transaction. The failure of a
-- card's first one is the card's. That it may have been paid all the same (CARD_MAY_EXIST, CARD_FUNDING_MAY_EXIST) is
-- told to the operators; so is that of one who has given its hold back by its name (REFUNDED) when it was begun. False
-- if it has ended already. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's but cards, card_fundings (rows).
create or replace function end_card_funding(
    p_funding_id uuid, p_status text, p_error_code text, p_now timestamptz,
    p_provider_transaction_id text default null
) returns boolean
language plpgsql as $$
declare
    v_funding card_fundings;
    v_told text;
begin
    update card_fundings
       set status = p_status, frozen_amount = 0, error_code = p_error_code, ended_at = p_now, due_at = null,
           provider_transaction_id = coalesce(p_provider_transaction_id, provider_transaction_id)
     where id = p_funding_id and status in ('ordering', 'pending')
    returning * into v_funding;
    if not found then
        return false;
    end if;
    if v_funding.kind = 'creation' and p_status = 'failed' then
        perform end_pending_card(v_funding.card_id, p_error_code, p_now);
    end if;
    v_told := case when p_error_code in ('CARD_MAY_EXIST', 'CARD_FUNDING_MAY_EXIST') then p_error_code
                   when p_error_code = 'REFUNDED' and v_funding.begun_at is not null then
                       case v_funding.kind when 'creation' then 'CARD_MAY_EXIST' else 'CARD_FUNDING_MAY_EXIST' end
              end;
    if v_told is not null then
        perform tell_card_money(v_funding, v_told,
                                'refunded while in doubt: the provider may have it all the same', p_now);
    end if;
    return true;
end $$;
