-- A card's transaction as its owner sees it: in answers and events the same. transaction_id is the provider's.
create or replace function card_transaction_json(p_transaction card_transactions) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'card_id', p_transaction.card_id, 'transaction_id', p_transaction.provider_transaction_id,
        'usd', p_transaction.usd::text, 'type', p_transaction.type, 'method', p_transaction.method,
        'narrative', p_transaction.narrative, 'status', p_transaction.status, 'at', iso_utc(p_transaction.at))
$$;
