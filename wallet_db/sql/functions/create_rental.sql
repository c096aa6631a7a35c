-- A rental's written intent: its row and the freeze of its price, in one transaction. A poller does the rest.
-- Service and country are given by name or by code. The same idempotency key with the same order returns the rental of
-- the first call, as it is now, with "replayed": true. p_request_id, p_request_digest: as with create_activation.
-- Locks: users, then rentals (insert).
-- Raises: OS001 insufficient_funds, OS002 unknown_user, OS005 idempotency_mismatch,
--         OS006 invalid_amount (p_max_price), OS010 unknown_service, OS011 unknown_country, OS012 not_for_sale,
--         OS013 price_above_limit, OS014 invalid_argument (p_idempotency_key), OS018 too_many_open_orders,
--         OS020 invalid_hours.
create or replace function create_rental(
    p_user_id uuid, p_service text, p_country text, p_hours integer, p_idempotency_key text default null,
    p_max_price numeric default null, p_now timestamptz default now(), p_request_id text default null,
    p_request_digest bytea default null
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_service services;
    v_country text;
    v_price numeric;
    v_rental rentals;
    v_field text;
begin
    if p_max_price is not null then
        perform check_amount(p_max_price);
    end if;
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    perform check_rental_hours(p_hours);
    v_service := find_service(p_service);
    v_country := find_country(p_country);
    perform lock_user_wallet(p_user_id);

    select * into v_rental from rentals where user_id = p_user_id and idempotency_key = p_idempotency_key;
    if found then
        v_field := case when v_rental.service <> v_service.service then 'service'
                        when v_rental.country <> v_country then 'country'
                        -- Extended since, it has more hours than it was ordered with.
                        when v_rental.hours < p_hours or v_rental.hours <> p_hours and v_rental.extension_status is null
                        then 'hours'
                        when v_rental.request_digest <> p_request_digest then 'body' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('this idempotency key was already used with another %s', v_field),
                detail = jsonb_build_object('field', v_field)::text;
        end if;
        return rental_json(v_rental) || '{"replayed": true}';
    end if;

    v_price := v_service.rental_price_hour * p_hours;
    if v_price is null then
        raise exception using errcode = 'OS012', message = format('%s is not for rent', v_service.service),
            detail = jsonb_build_object('service', v_service.service)::text;
    elsif v_price > p_max_price then
        raise exception using errcode = 'OS013',
            message = format('the price is %s, the limit given %s', v_price, p_max_price),
            detail = jsonb_build_object('price', v_price::text, 'max_price', p_max_price::text)::text;
    end if;
    perform check_open_orders(p_user_id);
    v_rental.id := gen_random_uuid();
    perform atomic_freeze(p_user_id, v_price, 'rental:' || v_rental.id,
                          format('%s, %s, %s hours', v_service.service, v_country, p_hours),
                          p_rental_id => v_rental.id);
    insert into rentals (id, user_id, service, country, hours, price, frozen_amount, idempotency_key, request_id,
                         request_digest, created_at, due_at)
    values (v_rental.id, p_user_id, v_service.service, v_country, p_hours, v_price, v_price, p_idempotency_key,
            p_request_id, p_request_digest, p_now, p_now)
    returning * into v_rental;
    return rental_json(v_rental) || '{"replayed": false}';
end $$;
