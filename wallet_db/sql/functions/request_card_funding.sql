-- The user wants money on a card: the intent and the freeze of its price; a poller pays it in. One at a time, for only
-- so can a payment whose answer was lost be told from others. The same key with the same wish gives the card, with the
-- funding of the first call, and "replayed": true.
-- Locks: users, then cards (row), then card_fundings (insert).
-- Raises: OS001 insufficient_funds, OS005 idempotency_mismatch, OS014 invalid_argument, OS025 card_not_found,
--         OS026 card_not_usable, OS027 funding_pending, OS030 invalid_card_amount, OS031 cards_not_sold.
create or replace function request_card_funding(
    p_user_id uuid, p_card_id uuid, p_usd numeric, p_idempotency_key text default null,
    p_request_id text default null, p_request_digest bytea default null, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id, p_user_id);
    v_funding card_fundings;
    v_open_id uuid;
begin
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    v_funding := find_card_replay(p_user_id, p_idempotency_key, 'funding', p_card_id, p_usd, p_request_digest);
    if v_funding.id is not null then
        return card_json(v_card) || jsonb_build_object('funding', card_funding_json(v_funding), 'replayed', true);
    end if;
    if v_card.status <> 'active' or v_card.wanted_action is not null then
        perform refuse_card_use(v_card);
    end if;
    select id into v_open_id from card_fundings where card_id = p_card_id and status in ('ordering', 'pending');
    if found then
        raise exception using errcode = 'OS027', message = 'another funding of the card is under way',
            detail = jsonb_build_object('card_id', p_card_id, 'funding_id', v_open_id)::text;
    end if;
    perform act_on_card('user', p_user_id::text);
    v_funding := open_card_funding(p_card_id, p_user_id, 'funding', p_usd, find_card_offer(v_card.provider, p_usd),
                                   p_idempotency_key, p_request_id, p_request_digest, p_now);
    perform pg_notify('onesms_card_jobs', 'fundings');
    return card_json(v_card) || jsonb_build_object('funding', card_funding_json(v_funding), 'replayed', false);
end $$;
