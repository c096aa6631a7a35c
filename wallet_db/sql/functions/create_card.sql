-- A card's written intent: its row, its first funding and the freeze of both their prices, in one transaction. A poller
-- does the rest. p_card_id is the caller's, who sealed the name on the card with it. The same key with the same card
-- gives the first call's, as it is now, with "replayed": true.
-- Locks: users, then card_fundings, cards (insert).
-- Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch, OS014 invalid_argument,
--         OS028 customer_not_registered, OS030 invalid_card_amount, OS031 cards_not_sold.
create or replace function create_card(
    p_user_id uuid, p_card_id uuid, p_provider text, p_usd numeric, p_name_sealed bytea,
    p_idempotency_key text default null, p_request_id text default null, p_request_digest bytea default null,
    p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_offer card_offers;
    v_funding card_fundings;
    v_customer card_customers;
    v_card cards;
begin
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    if num_nulls(p_card_id, p_name_sealed) > 0 then
        raise exception using errcode = 'OS014', message = 'expected an id and the sealed name on the card',
            detail = '{"argument": "p_name_sealed"}';
    end if;
    perform lock_user_wallet(p_user_id);
    v_funding := find_card_replay(p_user_id, p_idempotency_key, 'creation', null, p_usd, p_request_digest);
    if v_funding.id is not null then
        return (select card_json(c) || '{"replayed": true}' from cards c where c.id = v_funding.card_id);
    end if;
    v_offer := find_card_offer(p_provider, p_usd);
    select * into v_customer from card_customers
     where user_id = p_user_id and provider = p_provider and status <> 'failed';
    if v_customer.status is distinct from 'registered' then
        raise exception using errcode = 'OS028',
            message = format('the provider does not know the user yet: %s', coalesce(v_customer.status, 'no customer')),
            detail = jsonb_build_object('provider', p_provider, 'status', v_customer.status)::text;
    end if;
    perform act_on_card('user', p_user_id::text);
    perform open_card_funding(p_card_id, p_user_id, 'creation', p_usd, v_offer, p_idempotency_key, p_request_id,
                              p_request_digest, p_now);
    insert into cards (id, user_id, customer_id, provider, name_on_card_sealed, request_id, created_at, due_at)
    values (p_card_id, p_user_id, v_customer.id, p_provider, p_name_sealed, p_request_id, p_now, p_now)
    returning * into v_card;
    perform pg_notify('onesms_card_jobs', 'cards');
    return card_json(v_card) || '{"replayed": false}';
end $$;
