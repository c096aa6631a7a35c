-- A customer as its user sees it: not the details, which are sealed. Private.
create or replace function card_customer_json(p_customer card_customers) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'customer_id', p_customer.id, 'provider', p_customer.provider, 'status', p_customer.status,
        'provider_customer_id', p_customer.provider_customer_id, 'error_code', p_customer.error_code,
        'request_id', p_customer.request_id, 'created_at', iso_utc(p_customer.created_at),
        'registered_at', iso_utc(p_customer.registered_at))
$$;
