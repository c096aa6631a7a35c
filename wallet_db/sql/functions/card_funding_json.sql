-- A funding as its owner sees it: in answers, in its card and in events the same.
create or replace function card_funding_json(p_funding card_fundings) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'id', p_funding.id, 'card_id', p_funding.card_id, 'kind', p_funding.kind, 'usd', p_funding.usd::text,
        'price', p_funding.price::text, 'status', p_funding.status, 'error_code', p_funding.error_code,
        'created_at', iso_utc(p_funding.created_at), 'ended_at', iso_utc(p_funding.ended_at))
$$;
