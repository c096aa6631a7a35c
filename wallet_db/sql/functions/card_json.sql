-- A card as its owner sees it, in events and snapshots too, with its newest funding: nothing of it that is sealed.
create or replace function card_json(p_card cards) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'card_id', p_card.id, 'provider', p_card.provider, 'status', p_card.status, 'balance', p_card.balance::text,
        'currency', p_card.currency, 'brand', p_card.brand, 'wanted_action', p_card.wanted_action,
        'error_code', p_card.error_code, 'checked_at', iso_utc(p_card.checked_at),
        'funding', (select card_funding_json(f) from card_fundings f where f.card_id = p_card.id
                     order by f.created_at desc, f.id desc limit 1),
        'request_id', p_card.request_id, 'created_at', iso_utc(p_card.created_at),
        'activated_at', iso_utc(p_card.activated_at), 'closed_at', iso_utc(p_card.closed_at))
$$;
