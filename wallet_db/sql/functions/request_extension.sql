-- The user wants a rental to last longer: the extra is frozen as a further hold of it, and a poller asks the provider.
-- One at a time. The hold is named by the idempotency key, so a key buys once however often it is sent; repeated it
-- returns the rental as it is, with "replayed": true.
-- Locks: users, then rentals.
-- Raises: OS001 insufficient_funds, OS005 idempotency_mismatch, OS007 unknown_order (also for another user's),
--         OS012 not_for_sale, OS014 invalid_argument (p_idempotency_key), OS020 invalid_hours, OS021 not_extendable.
create or replace function request_extension(
    p_user_id uuid, p_rental_id uuid, p_hours integer, p_idempotency_key text default null,
    p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id, p_user_id);
    v_transaction_id text := format('rental:%s:extension:%s', p_rental_id,
                                    coalesce(p_idempotency_key, gen_random_uuid()::text));
    v_price numeric := p_hours * (select rental_price_hour from services where service = v_rental.service);
    v_obstacle text;
begin
    perform check_key('p_idempotency_key', v_transaction_id);
    if exists (select from wallet_holds where transaction_id = v_transaction_id) then
        if exists (select from balance_operations where transaction_id = v_transaction_id and type = 'freeze'
                      and reason <> format('%s hours more', p_hours)) then
            raise exception using errcode = 'OS005',
                message = 'this idempotency key was already used with another hours', detail = '{"field": "hours"}';
        end if;
        return rental_json(v_rental) || '{"replayed": true}';
    end if;
    v_obstacle := case when v_rental.status <> 'active' or v_rental.ends_at <= p_now then 'not_running'
                       when v_rental.extension_status = 'requested' then 'extension_pending'
                       when v_rental.cancel_requested_at is not null then 'cancel_requested'
                       when v_rental.finish_requested_at is not null then 'finish_requested' end;
    if v_obstacle is not null then
        raise exception using errcode = 'OS021', message = format('the rental cannot be extended: %s', v_obstacle),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status, 'reason', v_obstacle)::text;
    end if;
    perform check_rental_hours(p_hours, v_rental.hours);
    if v_price is null then
        raise exception using errcode = 'OS012', message = format('%s is not for rent', v_rental.service),
            detail = jsonb_build_object('service', v_rental.service)::text;
    end if;
    perform atomic_freeze(p_user_id, v_price, v_transaction_id, format('%s hours more', p_hours),
                          p_rental_id => p_rental_id);
    update rentals
       set extension_hours = p_hours, extension_price = v_price, extension_status = 'requested',
           extension_transaction_id = v_transaction_id, extension_error_code = null, extension_requested_at = p_now,
           extension_started_at = null, due_at = p_now
     where id = p_rental_id
    returning * into v_rental;
    return rental_json(v_rental) || '{"replayed": false}';
end $$;
