-- A purchase's written intent: the order's row and the freeze of its price, in one transaction. A poller does the rest.
-- Service and country are given by name ('whatsapp') or by code ('wa'). The same idempotency key with the same order
-- returns the order of the first call, as it is now, with "replayed": true. p_retry_on_timeout and p_retry_countries:
-- whether and where else it is tried again if no SMS comes, see retry_countries and end_unserved. p_request_id and
-- p_request_digest: which request asked, and a digest of all it said, by which another one is known.
-- Locks: users, then activations (insert).
-- Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch,
--         OS006 invalid_amount (p_max_price), OS010 unknown_service, OS011 unknown_country,
--         OS012 not_for_sale, OS013 price_above_limit, OS014 invalid_argument (p_idempotency_key,
--         p_retry_countries), OS018 too_many_open_orders.
create or replace function create_activation(
    p_user_id uuid, p_service text, p_country text, p_idempotency_key text default null,
    p_max_price numeric default null, p_now timestamptz default now(), p_retry_on_timeout boolean default null,
    p_retry_countries text[] default null, p_request_id text default null, p_request_digest bytea default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_service services;
    v_country text;
    v_retry_countries text[];
    v_activation activations;
    v_field text;
    v_price numeric;
begin
    if p_max_price is not null then
        perform check_amount(p_max_price);  -- NaN is above every price
    end if;
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    v_service := find_service(p_service);
    v_country := find_country(p_country);
    v_retry_countries := retry_countries(v_service, v_country, p_retry_on_timeout, p_retry_countries);
    perform lock_user_wallet(p_user_id);

    select * into v_activation from activations where user_id = p_user_id and idempotency_key = p_idempotency_key;
    if found then
        v_field := case when v_activation.service <> v_service.service then 'service'
                        when v_activation.country <> v_country then 'country'
                        when num_nonnulls(p_retry_on_timeout, p_retry_countries) > 0
                             and v_activation.retry_countries is distinct from v_retry_countries
                            then 'retry_on_timeout'
                        when v_activation.request_digest <> p_request_digest then 'body' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('this idempotency key was already used with another %s', v_field),
                detail = jsonb_build_object('field', v_field)::text;
        end if;
        return activation_json(v_activation) || '{"replayed": true}';
    end if;

    v_price := retail_price(v_service, v_country, p_now);
    if v_price is null then
        raise exception using errcode = 'OS012', message = format('%s is not for sale', v_service.service),
            detail = jsonb_build_object('service', v_service.service)::text;
    elsif v_price > p_max_price then
        raise exception using errcode = 'OS013',
            message = format('the price is %s, the limit given %s', v_price, p_max_price),
            detail = jsonb_build_object('price', v_price::text, 'max_price', p_max_price::text)::text;
    end if;
    v_activation.id := gen_random_uuid();
    v_activation.user_id := p_user_id;
    v_activation.service := v_service.service;
    v_activation.country := v_country;
    v_activation.price := v_price;
    v_activation.idempotency_key := p_idempotency_key;
    v_activation.max_price := p_max_price;
    v_activation.retry_countries := v_retry_countries;
    v_activation.request_id := p_request_id;
    v_activation.request_digest := p_request_digest;
    v_activation.created_at := p_now;
    return activation_json(place_activation(v_activation)) || '{"replayed": false}';
end $$;
