-- A funding's written intent: its row and the freeze of its price. The first one, `creation`, costs the card itself as
-- well. Private: callers hold the wallet's lock, and have found no other funding of the card open.
-- Locks: users, then card_fundings (insert). Raises: OS001 insufficient_funds.
create or replace function open_card_funding(
    p_card_id uuid, p_user_id uuid, p_kind text, p_usd numeric, p_offer card_offers, p_idempotency_key text,
    p_request_id text, p_request_digest bytea, p_now timestamptz
) returns card_fundings
language plpgsql as $$
declare
    v_price numeric := case p_kind when 'creation' then p_offer.creation_fee else 0 end
                       + round(p_usd * p_offer.usd_price * (1 + p_offer.funding_fee_percent / 100), 2);
    v_funding card_fundings;
begin
    insert into card_fundings (card_id, user_id, kind, usd, price, frozen_amount, idempotency_key, request_id,
                               request_digest, created_at, due_at)
    values (p_card_id, p_user_id, p_kind, p_usd, v_price, v_price, p_idempotency_key, p_request_id, p_request_digest,
            p_now, case p_kind when 'funding' then p_now end)
    returning * into v_funding;
    perform atomic_freeze(p_user_id, v_price, v_funding.transaction_id, format('card %s, %s USD', p_card_id, p_usd),
                          p_funding_id => v_funding.id);
    return v_funding;
end $$;
