-- Ends a funding: completed or failed; the money is the caller's to move, in the same transaction. The failure of a
-- card's first one is the card's. That it may have been paid all the same (CARD_MAY_EXIST, CARD_FUNDING_MAY_EXIST) is
-- told to the operators. False if it has ended already. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's but cards, card_fundings (rows).
create or replace function end_card_funding(
    p_funding_id uuid, p_status text, p_error_code text, p_now timestamptz,
    p_provider_transaction_id text default null
) returns boolean
language plpgsql as $$
declare
    v_funding card_fundings;
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
    if p_error_code in ('CARD_MAY_EXIST', 'CARD_FUNDING_MAY_EXIST') then
        insert into system_logs (at, level, source, message, data)
        select p_now, 'error', 'cards', p_error_code, jsonb_build_object(
                   'card_id', c.id, 'funding_id', v_funding.id, 'user_id', c.user_id, 'provider', c.provider,
                   'amount', v_funding.price::text, 'usd', v_funding.usd::text, 'request_id', v_funding.request_id,
                   'reason', 'refunded while in doubt: the provider may have it all the same')
          from cards c where c.id = v_funding.card_id;
    end if;
    return true;
end $$;
