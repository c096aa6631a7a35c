-- Database of release 0.1.0 with a few users and orders, as pg_dump wrote it: what an upgrade starts from.
CREATE FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
    update activations
       set purchase_started_at = null, provider = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_activation_id and status = 'ordering';
    return found;
end $$;

CREATE TABLE public.activations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    service text NOT NULL,
    country text NOT NULL,
    status text DEFAULT 'ordering'::text NOT NULL,
    price numeric(14,2) NOT NULL,
    frozen_amount numeric(14,2) NOT NULL,
    idempotency_key text,
    provider text,
    provider_order_id text,
    provider_cost numeric(14,4),
    phone text,
    error_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    purchase_started_at timestamp with time zone,
    purchased_at timestamp with time zone,
    expires_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    cancel_allowed_at timestamp with time zone,
    closed_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT activations_bought_has_phone CHECK (((status = ANY (ARRAY['ordering'::text, 'cancelled'::text, 'failed'::text])) OR (phone IS NOT NULL))),
    CONSTRAINT activations_frozen_only_while_unserved CHECK ((frozen_amount =
CASE
    WHEN (status = ANY (ARRAY['ordering'::text, 'pending'::text])) THEN price
    ELSE (0)::numeric
END)),
    CONSTRAINT activations_open_is_a_job CHECK ((((closed_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'cancelled'::text, 'timeout'::text, 'failed'::text]))) AND ((closed_at IS NOT NULL) = (due_at IS NULL)))),
    CONSTRAINT activations_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT activations_status_known CHECK ((status = ANY (ARRAY['ordering'::text, 'pending'::text, 'received'::text, 'completed'::text, 'cancelled'::text, 'timeout'::text, 'failed'::text])))
)
WITH (fillfactor='80');

CREATE FUNCTION public.activation_json(p_activation public.activations) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'id', p_activation.id, 'service', p_activation.service, 'country', p_activation.country,
        'phone', p_activation.phone, 'status', p_activation.status, 'price', p_activation.price::text,
        'code', sms -> -1 -> 'code', 'sms', sms,
        'cancel_requested', p_activation.cancel_requested_at is not null,
        'cancel_allowed_at', iso_utc(p_activation.cancel_allowed_at),
        'error_code', p_activation.error_code,
        'created_at', iso_utc(p_activation.created_at), 'expires_at', iso_utc(p_activation.expires_at),
        'closed_at', iso_utc(p_activation.closed_at))
      from sms_json(p_activation.id, null) sms
$$;

CREATE FUNCTION public.activations_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, case tg_op when 'INSERT' then 'activation.created' else 'activation.updated' end,
                         activation_json(new));
    return null;
end $$;

CREATE FUNCTION public.append_event(p_user_id uuid, p_type text, p_payload jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    v_seq bigint;
begin
    update users set event_seq = event_seq + 1 where id = p_user_id returning event_seq into v_seq;
    if v_seq is null then
        raise exception using errcode = 'OS002', message = format('no user %s', p_user_id),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
    insert into events (user_id, seq, type, payload) values (p_user_id, v_seq, p_type, p_payload);
    return v_seq;
end $$;

CREATE FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_code text := nullif(p_code, '');
    v_text text := coalesce(p_text, '');
    v_message_id text := coalesce(p_provider_message_id, md5(concat(v_code, '|', v_text)));
begin
    if v_code is null and v_text = '' then
        raise exception using errcode = 'OS014', message = 'expected an SMS with a code or a text, got neither',
            detail = '{"argument": "p_text"}';
    end if;
    if exists (select from sms_messages
                where activation_id = p_activation_id and provider_message_id = v_message_id) then
        return 'repeated';
    end if;
    if v_activation.closed_at is not null then
        insert into system_logs (level, source, message, data)
        values ('warning', 'apply_activation_sms', 'an SMS came for an order that is closed',
                jsonb_build_object('activation_id', p_activation_id, 'status', v_activation.status));
        return 'closed';
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (v_activation.user_id, p_activation_id, v_code, v_text, v_message_id, p_now);
    if v_activation.status <> 'received' then
        update activations
           set status = 'received', frozen_amount = 0, cancel_requested_at = null, cancel_allowed_at = null,
               error_code = null
         where id = p_activation_id;
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => 'activation:' || p_activation_id, p_reason => 'SMS received');
    end if;
    return 'applied';
end $$;

CREATE FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_transaction_id text DEFAULT NULL::text, p_reason text DEFAULT 'served'::text, p_amount numeric DEFAULT NULL::numeric) RETURNS jsonb
    LANGUAGE sql
    AS $$
    select settle_hold('commit', p_user_id, p_activation_id, p_rental_id, p_transaction_id, p_reason, p_amount)
$$;

CREATE FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text DEFAULT 'top-up'::text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_operation balance_operations;
    v_field text;
begin
    perform check_amount(p_amount);
    perform check_key('p_transaction_id', p_transaction_id);
    v_user := lock_user_wallet(p_user_id);
    select * into v_operation from balance_operations where transaction_id = p_transaction_id and type = 'deposit';
    if found then
        v_field := case when v_operation.user_id <> p_user_id then 'user_id'
                        when v_operation.amount <> p_amount then 'amount' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another %s', p_transaction_id, v_field),
                detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', v_field)::text;
        end if;
        return operation_result(v_operation, v_operation, true);
    end if;
    v_operation := record_operation(v_user, 'deposit', p_amount, p_transaction_id, coalesce(p_reason, 'top-up'));
    return operation_result(v_operation, v_operation, false);
end $$;

CREATE FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text DEFAULT 'purchase'::text, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_hold_id bigint;
    v_hold wallet_holds;
    v_operation balance_operations;
    v_field text;
begin
    perform check_amount(p_amount);
    perform check_key('p_transaction_id', p_transaction_id);
    v_user := lock_user_wallet(p_user_id);

    if not exists (select from wallet_holds where transaction_id = p_transaction_id) then
        perform check_hold_order(p_user_id, p_activation_id, p_rental_id);
    end if;
    insert into wallet_holds (user_id, transaction_id, amount, reason, activation_id, rental_id)
    values (p_user_id, p_transaction_id, p_amount, coalesce(p_reason, 'purchase'), p_activation_id, p_rental_id)
    on conflict (transaction_id) do nothing
    returning id into v_hold_id;

    if v_hold_id is null then
        select * into v_hold from wallet_holds where transaction_id = p_transaction_id;
        v_field := case when v_hold.user_id <> p_user_id then 'user_id'
                        when v_hold.amount <> p_amount then 'amount'
                        when v_hold.activation_id is distinct from p_activation_id then 'activation_id'
                        when v_hold.rental_id is distinct from p_rental_id then 'rental_id' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another %s', p_transaction_id, v_field),
                detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', v_field)::text;
        end if;
        select * into strict v_operation from balance_operations
         where transaction_id = p_transaction_id and type = 'freeze';
        return operation_result(v_operation, v_operation, true);
    end if;

    if v_user.balance - v_user.frozen_balance < p_amount then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(p_amount, 2), v_user.balance - v_user.frozen_balance),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(p_amount, 2)::text,
                                        'available', (v_user.balance - v_user.frozen_balance)::text)::text;
    end if;
    v_operation := record_operation(v_user, 'freeze', p_amount, p_transaction_id, coalesce(p_reason, 'purchase'),
                                    v_hold_id, p_activation_id, p_rental_id);
    return operation_result(v_operation, v_operation, false);
end $$;

CREATE FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_transaction_id text DEFAULT NULL::text, p_reason text DEFAULT 'not served'::text, p_amount numeric DEFAULT NULL::numeric) RETURNS jsonb
    LANGUAGE sql
    AS $$
    select settle_hold('refund', p_user_id, p_activation_id, p_rental_id, p_transaction_id, p_reason, p_amount)
$$;

CREATE FUNCTION public.balance_operations_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception using errcode = 'OS009',
        message = format('%s on %s refused: it is append-only, a correction is a new row', tg_op, tg_table_name);
end $$;

CREATE FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
    update activations set purchase_started_at = p_now, provider = p_provider
     where id = p_activation_id and status = 'ordering' and purchase_started_at is null
       and cancel_requested_at is null;
    return found;
end $$;

CREATE FUNCTION public.check_amount(p_amount numeric) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if p_amount is null or p_amount in ('NaN', 'Infinity', '-Infinity') or p_amount <= 0
       or p_amount <> round(p_amount, 2) or p_amount >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected an amount above 0 with at most 2 decimals and below 10^12, got %s',
                             coalesce(p_amount::text, 'null')),
            detail = jsonb_build_object('amount', p_amount::text)::text;
    end if;
end $$;

CREATE FUNCTION public.check_hold_order(p_user_id uuid, p_activation_id uuid, p_rental_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_order_id uuid := coalesce(p_activation_id, p_rental_id);
    v_user_id uuid;
    v_status text;
begin
    if num_nonnulls(p_activation_id, p_rental_id) > 1 then
        raise exception using errcode = 'OS014', message = 'expected an activation or a rental, got both',
            detail = '{"argument": "p_rental_id"}';
    end if;
    select user_id, status into v_user_id, v_status from activations where id = p_activation_id
     union all select user_id, status from rentals where id = p_rental_id;
    if v_user_id <> p_user_id then
        raise exception using errcode = 'OS007', message = format('no order %s', v_order_id),
            detail = jsonb_build_object('order_id', v_order_id)::text;
    elsif v_status not in ('ordering', 'pending', 'active') then
        raise exception using errcode = 'OS016', message = format('the order holds nothing any more: %s', v_status),
            detail = jsonb_build_object('order_id', v_order_id, 'status', v_status)::text;
    elsif exists (select from wallet_holds where activation_id = p_activation_id and state = 'held') then
        raise exception using errcode = 'OS005',
            message = format('activation %s is already held for by another transaction', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id, 'field', 'transaction_id')::text;
    end if;
end $$;

CREATE FUNCTION public.check_key(p_argument text, p_key text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if p_key is null or length(p_key) not between 1 and 255 then
        raise exception using errcode = 'OS014',
            message = format('expected %s of 1 to 255 characters, got %s', p_argument,
                             coalesce(length(p_key)::text, 'null')),
            detail = jsonb_build_object('argument', p_argument)::text;
    end if;
end $$;

CREATE FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, status text, service_code text, country_code text, price numeric, provider text, provider_order_id text, phone text, created_at timestamp with time zone, purchase_started_at timestamp with time zone, purchased_at timestamp with time zone, expires_at timestamp with time zone, cancel_requested_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql
    AS $$
    with due as (
        select a.id, a.due_at from activations a where a.due_at <= p_now
         order by a.due_at limit p_limit for no key update skip locked
    )
    update activations a set due_at = p_now + p_lease
      from due, services s, countries c
     where a.id = due.id and s.service = a.service and c.country = a.country
    returning a.id, a.user_id, a.status, s.code, c.code, a.price, a.provider, a.provider_order_id, a.phone,
              a.created_at, a.purchase_started_at, a.purchased_at, a.expires_at, a.cancel_requested_at, due.due_at,
              a.due_at
$$;

CREATE FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_transaction_id text := 'activation:' || p_activation_id;
    v_percent integer := 100;
    v_hold wallet_holds;
    v_refund numeric;
begin
    if p_status is null or p_status not in ('completed', 'cancelled', 'timeout', 'failed') then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends an order, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('order_id', p_activation_id, 'from', v_activation.status, 'to', p_status)::text;
    end if;
    if v_activation.closed_at is not null or (v_activation.status = 'received' and p_status <> 'completed') then
        return false;
    end if;
    update activations
       set status = p_status, frozen_amount = 0, error_code = p_error_code, closed_at = p_now, due_at = null,
           cancel_requested_at = null, cancel_allowed_at = null
     where id = p_activation_id;
    if v_activation.status = 'received' then
        return true;
    end if;
    if p_status = 'timeout' then
        select coalesce(s.timeout_refund_percent,
                        (select (value #>> '{}')::numeric::integer from settings
                          where key = 'timeout_refund_percent'), 100)
          into v_percent from services s where s.service = v_activation.service;
    end if;
    v_hold := find_hold(v_activation.user_id, p_activation_id, null, null);
    v_refund := round(v_hold.amount * v_percent / 100, 2);
    if p_status = 'completed' or v_refund = 0 then
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => p_status);
    else
        perform atomic_refund(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => p_status, p_amount => v_refund);
    end if;
    return true;
end $$;

CREATE FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text DEFAULT NULL::text, p_max_price numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_service services;
    v_country text;
    v_activation activations;
    v_field text;
begin
    if p_max_price is not null then
        perform check_amount(p_max_price);  -- NaN is above every price
    end if;
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    select * into v_service from services where service = p_service or code = p_service;
    if not found then
        raise exception using errcode = 'OS010', message = format('no service %s', quote_nullable(p_service)),
            detail = jsonb_build_object('service', p_service)::text;
    end if;
    select country into v_country from countries where country = p_country or code = p_country;
    if not found then
        raise exception using errcode = 'OS011', message = format('no country %s', quote_nullable(p_country)),
            detail = jsonb_build_object('country', p_country)::text;
    end if;
    perform lock_user_wallet(p_user_id);

    select * into v_activation from activations where user_id = p_user_id and idempotency_key = p_idempotency_key;
    if found then
        v_field := case when v_activation.service <> v_service.service then 'service'
                        when v_activation.country <> v_country then 'country' end;
        if v_field is not null then
            raise exception using errcode = 'OS005',
                message = format('this idempotency key was already used with another %s', v_field),
                detail = jsonb_build_object('field', v_field)::text;
        end if;
        return activation_json(v_activation) || '{"replayed": true}';
    end if;

    if v_service.price is null then
        raise exception using errcode = 'OS012', message = format('%s is not for sale', v_service.service),
            detail = jsonb_build_object('service', v_service.service)::text;
    elsif v_service.price > p_max_price then
        raise exception using errcode = 'OS013',
            message = format('the price is %s, the limit given %s', v_service.price, p_max_price),
            detail = jsonb_build_object('price', v_service.price::text, 'max_price', p_max_price::text)::text;
    end if;
    v_activation.id := gen_random_uuid();
    perform atomic_freeze(p_user_id, v_service.price, 'activation:' || v_activation.id,
                          format('%s, %s', v_service.service, v_country), p_activation_id => v_activation.id);
    insert into activations (id, user_id, service, country, price, frozen_amount, idempotency_key, created_at, due_at)
    values (v_activation.id, p_user_id, v_service.service, v_country, v_service.price, v_service.price,
            p_idempotency_key, p_now, p_now)
    returning * into v_activation;
    return activation_json(v_activation) || '{"replayed": false}';
end $$;

CREATE TABLE public.wallet_holds (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    transaction_id text NOT NULL,
    amount numeric(14,2) NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    committed_amount numeric(14,2) DEFAULT 0 NOT NULL,
    refunded_amount numeric(14,2) DEFAULT 0 NOT NULL,
    activation_id uuid,
    rental_id uuid,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    settled_by text,
    CONSTRAINT wallet_holds_amount_positive CHECK ((amount > (0)::numeric)),
    CONSTRAINT wallet_holds_ends_once_and_whole CHECK (((committed_amount >= (0)::numeric) AND (refunded_amount >= (0)::numeric) AND ((committed_amount + refunded_amount) =
CASE state
    WHEN 'held'::text THEN (0)::numeric
    ELSE amount
END) AND ((settled_at IS NULL) = (state = 'held'::text)) AND ((settled_by IS NULL) = (state = 'held'::text)))),
    CONSTRAINT wallet_holds_of_at_most_one_order CHECK ((num_nonnulls(activation_id, rental_id) <= 1)),
    CONSTRAINT wallet_holds_state_known CHECK ((state = ANY (ARRAY['held'::text, 'committed'::text, 'refunded'::text])))
);

CREATE FUNCTION public.find_hold(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text) RETURNS public.wallet_holds
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_hold wallet_holds;
begin
    if num_nonnulls(p_activation_id, p_rental_id) > 1 then
        raise exception using errcode = 'OS014', message = 'expected an activation or a rental, got both',
            detail = '{"argument": "p_rental_id"}';
    elsif p_activation_id is not null then
        select * into v_hold from wallet_holds
         where activation_id = p_activation_id and user_id = p_user_id order by state = 'held' desc, id desc limit 1;
    elsif p_rental_id is not null then
        select * into v_hold from wallet_holds
         where rental_id = p_rental_id and user_id = p_user_id order by state = 'held' desc, id desc limit 1;
    else
        select * into v_hold from wallet_holds where transaction_id = p_transaction_id and user_id = p_user_id;
    end if;
    if v_hold.id is null then
        raise exception using errcode = 'OS003',
            message = format('user %s has no hold for this activation, rental or transaction', p_user_id),
            detail = jsonb_build_object('user_id', p_user_id, 'activation_id', p_activation_id,
                                        'rental_id', p_rental_id, 'transaction_id', p_transaction_id)::text;
    end if;
    return v_hold;
end $$;

CREATE FUNCTION public.iso_utc(p_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION public.lock_activation(p_activation_id uuid) RETURNS public.activations
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations;
begin
    select * into v_activation from activations where id = p_activation_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    perform lock_user_wallet(v_activation.user_id);
    select * into v_activation from activations where id = p_activation_id for no key update;
    return v_activation;
end $$;

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text,
    balance numeric(14,2) DEFAULT 0 NOT NULL,
    frozen_balance numeric(14,2) DEFAULT 0 NOT NULL,
    event_seq bigint DEFAULT 0 NOT NULL,
    last_operation text,
    last_amount numeric(14,2),
    last_transaction_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_balance_not_negative CHECK ((balance >= (0)::numeric)),
    CONSTRAINT users_frozen_not_negative CHECK ((frozen_balance >= (0)::numeric)),
    CONSTRAINT users_frozen_within_balance CHECK ((frozen_balance <= balance))
)
WITH (fillfactor='70');

CREATE FUNCTION public.lock_user_wallet(p_user_id uuid) RETURNS public.users
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
begin
    select * into v_user from users where id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'OS002',
            message = format('no user %s', coalesce(p_user_id::text, 'null')),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
    return v_user;
end $$;

CREATE FUNCTION public.new_epoch() RETURNS text
    LANGUAGE sql
    AS $$
    update settings set value = to_jsonb(substr(md5(gen_random_uuid()::text), 1, 8)), updated_at = now()
     where key = 'events_epoch' returning value #>> '{}'
$$;

CREATE TABLE public.balance_operations (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    type text NOT NULL,
    amount numeric(14,2) NOT NULL,
    balance_before numeric(14,2) NOT NULL,
    balance_after numeric(14,2) NOT NULL,
    frozen_before numeric(14,2) NOT NULL,
    frozen_after numeric(14,2) NOT NULL,
    available_before numeric(14,2) GENERATED ALWAYS AS ((balance_before - frozen_before)) STORED NOT NULL,
    available_after numeric(14,2) GENERATED ALWAYS AS ((balance_after - frozen_after)) STORED NOT NULL,
    transaction_id text NOT NULL,
    hold_id bigint,
    activation_id uuid,
    rental_id uuid,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT balance_operations_adjust_moves_balance CHECK (((type <> 'adjust'::text) OR ((balance_after = (balance_before + amount)) AND (frozen_after = frozen_before)))),
    CONSTRAINT balance_operations_amount_positive CHECK (((amount > (0)::numeric) OR ((type = 'adjust'::text) AND (amount <> (0)::numeric)))),
    CONSTRAINT balance_operations_commit_spends_frozen CHECK (((type <> 'commit'::text) OR ((balance_after = (balance_before - amount)) AND (frozen_after = (frozen_before - amount))))),
    CONSTRAINT balance_operations_deposit_adds_to_balance CHECK (((type <> 'deposit'::text) OR ((balance_after = (balance_before + amount)) AND (frozen_after = frozen_before)))),
    CONSTRAINT balance_operations_freeze_moves_available_to_frozen CHECK (((type <> 'freeze'::text) OR ((balance_after = balance_before) AND (frozen_after = (frozen_before + amount))))),
    CONSTRAINT balance_operations_only_holds_freeze CHECK (((hold_id IS NOT NULL) = (type = ANY (ARRAY['freeze'::text, 'commit'::text, 'refund'::text])))),
    CONSTRAINT balance_operations_refund_moves_frozen_to_available CHECK (((type <> 'refund'::text) OR ((balance_after = balance_before) AND (frozen_after = (frozen_before - amount))))),
    CONSTRAINT balance_operations_type_known CHECK ((type = ANY (ARRAY['freeze'::text, 'commit'::text, 'refund'::text, 'deposit'::text, 'adjust'::text])))
);

CREATE FUNCTION public.operation_json(p_operation public.balance_operations) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'id', p_operation.id, 'type', p_operation.type, 'amount', p_operation.amount::text,
        'balance_before', p_operation.balance_before::text, 'balance_after', p_operation.balance_after::text,
        'frozen_before', p_operation.frozen_before::text, 'frozen_after', p_operation.frozen_after::text,
        'available_before', p_operation.available_before::text, 'available_after', p_operation.available_after::text,
        'transaction_id', p_operation.transaction_id, 'reason', p_operation.reason,
        'activation_id', p_operation.activation_id, 'rental_id', p_operation.rental_id,
        'at', iso_utc(p_operation.created_at))
$$;

CREATE FUNCTION public.operation_result(p_operation public.balance_operations, p_last public.balance_operations, p_replayed boolean) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select jsonb_build_object(
        'operation_id', p_operation.id, 'type', p_operation.type, 'transaction_id', p_operation.transaction_id,
        'user_id', p_operation.user_id, 'hold_id', p_operation.hold_id, 'activation_id', p_operation.activation_id,
        'rental_id', p_operation.rental_id, 'amount', p_operation.amount::text,
        'balance', p_last.balance_after::text, 'frozen', p_last.frozen_after::text,
        'available', p_last.available_after::text, 'replayed', p_replayed)
$$;

CREATE FUNCTION public.record_operation(p_user public.users, p_type text, p_amount numeric, p_transaction_id text, p_reason text, p_hold_id bigint DEFAULT NULL::bigint, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid) RETURNS public.balance_operations
    LANGUAGE plpgsql
    AS $$
declare
    v_balance numeric := p_user.balance + case p_type when 'commit' then -p_amount
                                                      when 'deposit' then p_amount
                                                      when 'adjust' then p_amount else 0 end;
    v_frozen numeric := p_user.frozen_balance + case p_type when 'freeze' then p_amount
                                                            when 'commit' then -p_amount
                                                            when 'refund' then -p_amount else 0 end;
    v_operation balance_operations;
begin
    if v_balance >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected a balance below 10^12 afterwards, got %s', v_balance),
            detail = jsonb_build_object('amount', p_amount::text)::text;
    end if;
    insert into balance_operations (user_id, type, amount, balance_before, balance_after, frozen_before, frozen_after,
                                    transaction_id, hold_id, activation_id, rental_id, reason)
    values (p_user.id, p_type, p_amount, p_user.balance, v_balance, p_user.frozen_balance, v_frozen,
            p_transaction_id, p_hold_id, p_activation_id, p_rental_id, p_reason)
    on conflict (transaction_id, type) do nothing
    returning * into v_operation;
    if not found then
        raise exception using errcode = 'OS005',
            message = format('transaction %s has already made another %s', p_transaction_id, p_type),
            detail = jsonb_build_object('transaction_id', p_transaction_id,
                                        'field', case when p_hold_id is null then 'user_id' else 'hold_id' end)::text;
    end if;
    update users
       set balance = v_balance, frozen_balance = v_frozen,
           last_operation = p_type, last_amount = p_amount, last_transaction_id = p_transaction_id
     where id = p_user.id;
    return v_operation;
end $$;

CREATE FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.status <> 'ordering' or v_activation.purchase_started_at is null then
        return false;
    end if;
    update activations
       set status = 'pending', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, expires_at = p_expires_at,
           due_at = case when v_activation.cancel_requested_at is null then p_due_at else p_now end
     where id = p_activation_id;
    return true;
end $$;

CREATE FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.cancel_requested_at is null then
        return false;
    end if;
    update activations
       set cancel_requested_at = null, cancel_allowed_at = p_allowed_at, error_code = p_error_code, due_at = p_due_at
     where id = p_activation_id;
    return true;
end $$;

CREATE FUNCTION public.refuse_unknown_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (case tg_table_name
            when 'activations' then (old.status, new.status) in (
                ('ordering', 'pending'), ('ordering', 'failed'), ('ordering', 'cancelled'),
                ('pending', 'received'), ('pending', 'completed'), ('pending', 'cancelled'), ('pending', 'timeout'),
                ('received', 'completed'))
            when 'rentals' then (old.status, new.status) in (
                ('ordering', 'active'), ('ordering', 'failed'), ('ordering', 'cancelled'),
                ('active', 'completed'), ('active', 'cancelled'), ('active', 'expired'))
            end) is not true then
        raise exception using errcode = 'OS008',
            message = format('%s %s cannot go from %s to %s', tg_table_name, old.id, old.status, new.status),
            detail = jsonb_build_object('order_id', old.id, 'from', old.status, 'to', new.status)::text;
    end if;
    return new;
end $$;

CREATE TABLE public.rentals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    service text NOT NULL,
    country text NOT NULL,
    status text DEFAULT 'ordering'::text NOT NULL,
    hours integer NOT NULL,
    price numeric(14,2) NOT NULL,
    frozen_amount numeric(14,2) NOT NULL,
    idempotency_key text,
    provider text,
    provider_order_id text,
    provider_cost numeric(14,4),
    phone text,
    error_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    purchase_started_at timestamp with time zone,
    purchased_at timestamp with time zone,
    ends_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    closed_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT rentals_frozen_only_while_unserved CHECK ((frozen_amount =
CASE
    WHEN (status = ANY (ARRAY['ordering'::text, 'active'::text])) THEN price
    ELSE (0)::numeric
END)),
    CONSTRAINT rentals_hours_positive CHECK ((hours > 0)),
    CONSTRAINT rentals_open_is_a_job CHECK ((((closed_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'cancelled'::text, 'expired'::text, 'failed'::text]))) AND ((closed_at IS NOT NULL) = (due_at IS NULL)))),
    CONSTRAINT rentals_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT rentals_status_known CHECK ((status = ANY (ARRAY['ordering'::text, 'active'::text, 'completed'::text, 'cancelled'::text, 'expired'::text, 'failed'::text])))
);

CREATE FUNCTION public.rental_json(p_rental public.rentals) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'id', p_rental.id, 'service', p_rental.service, 'country', p_rental.country, 'phone', p_rental.phone,
        'status', p_rental.status, 'hours', p_rental.hours, 'price', p_rental.price::text,
        'sms', sms_json(null, p_rental.id), 'cancel_requested', p_rental.cancel_requested_at is not null,
        'error_code', p_rental.error_code, 'created_at', iso_utc(p_rental.created_at),
        'ends_at', iso_utc(p_rental.ends_at), 'closed_at', iso_utc(p_rental.closed_at))
$$;

CREATE FUNCTION public.rentals_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, case tg_op when 'INSERT' then 'rental.created' else 'rental.updated' end,
                         rental_json(new));
    return null;
end $$;

CREATE FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations;
begin
    perform from activations where id = p_activation_id and user_id = p_user_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    v_activation := lock_activation(p_activation_id);
    if v_activation.status in ('received', 'completed') then
        raise exception using errcode = 'OS015', message = 'the SMS has been received, so the order is paid',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status in ('timeout', 'failed') then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status = 'ordering' and v_activation.purchase_started_at is null then
        perform close_activation(p_activation_id, 'cancelled', null, p_now);
    elsif v_activation.status <> 'cancelled' and v_activation.cancel_requested_at is null then
        update activations
           set cancel_requested_at = p_now, cancel_allowed_at = null, error_code = null,
               due_at = case status when 'ordering' then due_at else p_now end
         where id = p_activation_id;
    end if;
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;

CREATE FUNCTION public.ring_doorbell() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if pg_try_advisory_lock_shared(20307, 1) then
        perform pg_advisory_unlock_shared(20307, 1);
        perform pg_notify('onesms_doorbell', '');
    end if;
    return null;
end $$;

CREATE FUNCTION public.settle_hold(p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_hold wallet_holds;
    v_state text := case p_type when 'commit' then 'committed' else 'refunded' end;
    v_other text := case p_type when 'commit' then 'refund' else 'commit' end;
    v_reason text := coalesce(p_reason, case p_type when 'commit' then 'served' else 'not served' end);
    v_transaction_id text;
    v_amount numeric;
    v_rest numeric;
    v_operation balance_operations;
    v_last balance_operations;
begin
    if p_amount is not null then
        perform check_amount(p_amount);
    end if;
    if p_transaction_id is not null then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    v_user := lock_user_wallet(p_user_id);
    v_hold := find_hold(p_user_id, p_activation_id, p_rental_id, p_transaction_id);
    v_transaction_id := coalesce(p_transaction_id, v_hold.transaction_id);
    v_amount := coalesce(round(p_amount, 2), v_hold.amount);
    v_rest := v_hold.amount - v_amount;

    if v_hold.state <> 'held' then
        if v_hold.state <> v_state or v_hold.settled_by <> v_transaction_id then
            raise exception using errcode = 'OS004',
                message = format('hold %s was already %s by %s', v_hold.id, v_hold.state, v_hold.settled_by),
                detail = jsonb_build_object('hold_id', v_hold.id, 'state', v_hold.state,
                                            'settled_by', v_hold.settled_by,
                                            'settled_at', iso_utc(v_hold.settled_at))::text;
        elsif v_amount <> (case v_state when 'committed' then v_hold.committed_amount
                                        else v_hold.refunded_amount end) then
            raise exception using errcode = 'OS005',
                message = format('transaction %s was already used with another amount', v_transaction_id),
                detail = jsonb_build_object('transaction_id', v_transaction_id, 'field', 'amount')::text;
        end if;
        select * into v_operation from balance_operations
         where transaction_id = v_transaction_id and hold_id = v_hold.id and type = p_type;
        select * into v_last from balance_operations
         where transaction_id = v_transaction_id and hold_id = v_hold.id and type in ('commit', 'refund')
         order by id desc limit 1;
        return operation_result(v_operation, v_last, true);
    end if;
    if v_rest < 0 then
        raise exception using errcode = 'OS006',
            message = format('expected at most the hold''s %s, got %s', v_hold.amount, v_amount),
            detail = jsonb_build_object('amount', v_amount::text, 'held', v_hold.amount::text)::text;
    end if;

    if v_hold.activation_id is not null then
        update activations
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null,
               cancel_requested_at = null, cancel_allowed_at = null
         where id = v_hold.activation_id and user_id = p_user_id and status in ('ordering', 'pending');
    elsif v_hold.rental_id is not null then
        update rentals
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null, cancel_requested_at = null
         where id = v_hold.rental_id and user_id = p_user_id and status in ('ordering', 'active')
           and not exists (select from wallet_holds
                            where rental_id = v_hold.rental_id and state = 'held' and id <> v_hold.id);
    end if;
    update wallet_holds
       set state = v_state, settled_at = now(), settled_by = v_transaction_id,
           committed_amount = case p_type when 'commit' then v_amount else v_rest end,
           refunded_amount = case p_type when 'refund' then v_amount else v_rest end
     where id = v_hold.id;
    v_operation := record_operation(v_user, p_type, v_amount, v_transaction_id, v_reason,
                                    v_hold.id, v_hold.activation_id, v_hold.rental_id);
    v_last := v_operation;
    if v_rest > 0 then
        select * into strict v_user from users where id = p_user_id;
        v_last := record_operation(v_user, v_other, v_rest, v_transaction_id, format('rest: %s', v_reason),
                                   v_hold.id, v_hold.activation_id, v_hold.rental_id);
    end if;
    return operation_result(v_operation, v_last, false);
end $$;

CREATE FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select coalesce(jsonb_agg(jsonb_build_object('code', code, 'text', text, 'received_at', iso_utc(received_at))
                              order by id), '[]')
      from sms_messages
     where activation_id = p_activation_id or rental_id = p_rental_id
$$;

CREATE FUNCTION public.sms_messages_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, 'sms.received', jsonb_build_object(
        'activation_id', new.activation_id, 'rental_id', new.rental_id, 'code', new.code, 'text', new.text,
        'received_at', iso_utc(new.received_at)) || o.facts)
       from (select jsonb_build_object('phone', phone, 'service', service, 'country', country) as facts
               from activations where id = new.activation_id
              union all
             select jsonb_build_object('phone', phone, 'service', service, 'country', country)
               from rentals where id = new.rental_id) o;
    return null;
end $$;

CREATE FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer DEFAULT 20) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'seq', u.event_seq,
        'wallet', wallet_json(u),
        'activations', (
            select coalesce(jsonb_agg(activation_json(a) order by a.created_at desc, a.id desc), '[]')
              from activations a
             where a.id in (select id from activations where user_id = u.id and closed_at is null
                             union all
                            (select id from activations where user_id = u.id and closed_at is not null
                              order by created_at desc, id desc limit p_closed))),
        'rentals', (
            select coalesce(jsonb_agg(rental_json(r) order by r.created_at desc, r.id desc), '[]')
              from rentals r
             where r.id in (select id from rentals where user_id = u.id and closed_at is null
                             union all
                            (select id from rentals where user_id = u.id and closed_at is not null
                              order by created_at desc, id desc limit p_closed))),
        'cards', '[]'::jsonb)
      from users u where u.id = p_user_id
$$;

CREATE FUNCTION public.users_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    v_by_hand boolean := (new.last_operation, new.last_transaction_id)
                         is not distinct from (old.last_operation, old.last_transaction_id);
begin
    new.event_seq := old.event_seq + 1;
    insert into events (user_id, seq, type, payload)
    values (new.id, new.event_seq, 'balance.changed', jsonb_build_object(
        'balance', new.balance::text, 'frozen', new.frozen_balance::text,
        'available', (new.balance - new.frozen_balance)::text,
        'operation', case when not v_by_hand then new.last_operation end,
        'amount', case when not v_by_hand then new.last_amount::text end,
        'transaction_id', case when not v_by_hand then new.last_transaction_id end));
    return new;
end $$;

CREATE FUNCTION public.wallet_json(p_user public.users) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select jsonb_build_object('balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text,
                              'available', (p_user.balance - p_user.frozen_balance)::text)
$$;

ALTER TABLE public.balance_operations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.balance_operations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.countries (
    country text NOT NULL,
    code text NOT NULL,
    title text NOT NULL
);

CREATE TABLE public.events (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT events_seq_positive CHECK ((seq > 0))
);

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.receipts (
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    transport text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT receipts_transport_known CHECK ((transport = ANY (ARRAY['ws'::text, 'http'::text])))
);

CREATE TABLE public.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.services (
    service text NOT NULL,
    code text NOT NULL,
    title text NOT NULL,
    price numeric(14,2),
    timeout_refund_percent integer,
    CONSTRAINT services_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT services_timeout_refund_percent_in_range CHECK (((timeout_refund_percent >= 0) AND (timeout_refund_percent <= 100)))
);

CREATE TABLE public.settings (
    key text NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT settings_timeout_refund_percent_in_range CHECK (
CASE
    WHEN (key <> 'timeout_refund_percent'::text) THEN true
    WHEN (jsonb_typeof(value) <> 'number'::text) THEN false
    ELSE value::numeric BETWEEN 0 AND 100 AND value::numeric = trunc(value::numeric)
END)
);

CREATE TABLE public.sms_messages (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    activation_id uuid,
    rental_id uuid,
    code text,
    text text NOT NULL,
    provider_message_id text NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sms_messages_of_one_order CHECK ((num_nonnulls(activation_id, rental_id) = 1))
);

ALTER TABLE public.sms_messages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sms_messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.system_logs (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    level text NOT NULL,
    source text NOT NULL,
    message text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT system_logs_level_known CHECK ((level = ANY (ARRAY['debug'::text, 'info'::text, 'warning'::text, 'error'::text, 'critical'::text])))
);

ALTER TABLE public.system_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.system_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.wallet_holds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.wallet_holds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO public.activations VALUES ('018098c4-9916-4813-895f-e193c63bc869', '00000000-0000-4000-8000-000000000001', 'whatsapp', 'indonesia', 'received', 5.00, 0.00, 'k1', 'sms_activate', 'p1', 1.5000, '6281', NULL, '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 06:18:06.708739+00', NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00');
INSERT INTO public.activations VALUES ('c5315030-1e6d-4c24-a58c-913e91d59957', '00000000-0000-4000-8000-000000000001', 'telegram', 'russia', 'pending', 5.00, 5.00, 'k2', 'sms_activate', 'p2', 1.5000, '6282', NULL, '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 06:18:06.708739+00', NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00');
INSERT INTO public.activations VALUES ('03b6c2d0-fb12-4770-8d12-912f65c80dda', '00000000-0000-4000-8000-000000000002', 'whatsapp', 'indonesia', 'timeout', 5.00, 0.00, NULL, 'sms_activate', 'p3', 1.5000, '6283', NULL, '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', '2026-11-21 06:18:06.708739+00', NULL, NULL, '2026-11-21 05:58:06.708739+00', NULL);
INSERT INTO public.activations VALUES ('aeecfac4-daf2-4e9b-9661-76ba68ec024a', '00000000-0000-4000-8000-000000000002', 'whatsapp', 'indonesia', 'cancelled', 5.00, 0.00, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00', NULL, NULL, NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00', NULL);
INSERT INTO public.activations VALUES ('3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', '00000000-0000-4000-8000-000000000002', 'google', 'india', 'ordering', 5.00, 5.00, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00', NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-21 05:58:06.708739+00');

INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-4000-8000-000000000001', 'deposit', 36.00, 0.00, 36.00, 0.00, 0.00, DEFAULT, DEFAULT, 'top-up:alice', NULL, NULL, NULL, 'top-up', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (2, '00000000-0000-4000-8000-000000000002', 'deposit', 36.00, 0.00, 36.00, 0.00, 0.00, DEFAULT, DEFAULT, 'top-up:bob', NULL, NULL, NULL, 'top-up', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (3, '00000000-0000-4000-8000-000000000003', 'deposit', 36.00, 0.00, 36.00, 0.00, 0.00, DEFAULT, DEFAULT, 'top-up:carol', NULL, NULL, NULL, 'top-up', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (4, '00000000-0000-4000-8000-000000000001', 'freeze', 5.00, 36.00, 36.00, 0.00, 5.00, DEFAULT, DEFAULT, 'other', 1, NULL, NULL, 'another order', '2026-11-21 05:58:06.706294+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (5, '00000000-0000-4000-8000-000000000001', 'freeze', 5.00, 36.00, 36.00, 5.00, 10.00, DEFAULT, DEFAULT, 'activation:018098c4-9916-4813-895f-e193c63bc869', 2, '018098c4-9916-4813-895f-e193c63bc869', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (6, '00000000-0000-4000-8000-000000000001', 'commit', 5.00, 36.00, 31.00, 10.00, 5.00, DEFAULT, DEFAULT, 'activation:018098c4-9916-4813-895f-e193c63bc869', 2, '018098c4-9916-4813-895f-e193c63bc869', NULL, 'SMS received', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (7, '00000000-0000-4000-8000-000000000001', 'freeze', 5.00, 31.00, 31.00, 5.00, 10.00, DEFAULT, DEFAULT, 'activation:c5315030-1e6d-4c24-a58c-913e91d59957', 3, 'c5315030-1e6d-4c24-a58c-913e91d59957', NULL, 'telegram, russia', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (8, '00000000-0000-4000-8000-000000000002', 'freeze', 5.00, 36.00, 36.00, 0.00, 5.00, DEFAULT, DEFAULT, 'activation:03b6c2d0-fb12-4770-8d12-912f65c80dda', 4, '03b6c2d0-fb12-4770-8d12-912f65c80dda', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (9, '00000000-0000-4000-8000-000000000002', 'refund', 2.50, 36.00, 36.00, 5.00, 2.50, DEFAULT, DEFAULT, 'activation:03b6c2d0-fb12-4770-8d12-912f65c80dda', 4, '03b6c2d0-fb12-4770-8d12-912f65c80dda', NULL, 'timeout', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (10, '00000000-0000-4000-8000-000000000002', 'commit', 2.50, 36.00, 33.50, 2.50, 0.00, DEFAULT, DEFAULT, 'activation:03b6c2d0-fb12-4770-8d12-912f65c80dda', 4, '03b6c2d0-fb12-4770-8d12-912f65c80dda', NULL, 'rest: timeout', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (11, '00000000-0000-4000-8000-000000000002', 'freeze', 5.00, 33.50, 33.50, 0.00, 5.00, DEFAULT, DEFAULT, 'activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a', 5, 'aeecfac4-daf2-4e9b-9661-76ba68ec024a', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (12, '00000000-0000-4000-8000-000000000002', 'refund', 5.00, 33.50, 33.50, 5.00, 0.00, DEFAULT, DEFAULT, 'activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a', 5, 'aeecfac4-daf2-4e9b-9661-76ba68ec024a', NULL, 'cancelled', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (13, '00000000-0000-4000-8000-000000000002', 'freeze', 7.50, 33.50, 33.50, 0.00, 7.50, DEFAULT, DEFAULT, 'h1', 6, NULL, NULL, 'purchase', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (14, '00000000-0000-4000-8000-000000000002', 'commit', 2.50, 33.50, 31.00, 7.50, 5.00, DEFAULT, DEFAULT, 'h1', 6, NULL, NULL, 'served', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (15, '00000000-0000-4000-8000-000000000002', 'refund', 5.00, 31.00, 31.00, 5.00, 0.00, DEFAULT, DEFAULT, 'h1', 6, NULL, NULL, 'rest: served', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (16, '00000000-0000-4000-8000-000000000002', 'freeze', 1.00, 31.00, 31.00, 0.00, 1.00, DEFAULT, DEFAULT, 'h2', 7, NULL, NULL, 'purchase', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.balance_operations OVERRIDING SYSTEM VALUE VALUES (17, '00000000-0000-4000-8000-000000000002', 'freeze', 5.00, 31.00, 31.00, 1.00, 6.00, DEFAULT, DEFAULT, 'activation:3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', 8, '3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', NULL, 'google, india', '2026-11-21 05:58:06.708739+00');

INSERT INTO public.countries VALUES ('indonesia', '6', 'Indonesia');
INSERT INTO public.countries VALUES ('russia', '0', 'Russia');
INSERT INTO public.countries VALUES ('ukraine', '1', 'Ukraine');
INSERT INTO public.countries VALUES ('kazakhstan', '2', 'Kazakhstan');
INSERT INTO public.countries VALUES ('philippines', '4', 'Philippines');
INSERT INTO public.countries VALUES ('malaysia', '7', 'Malaysia');
INSERT INTO public.countries VALUES ('vietnam', '10', 'Vietnam');
INSERT INTO public.countries VALUES ('usa', '187', 'USA');
INSERT INTO public.countries VALUES ('usavirtual', '12', 'USA (virtual)');
INSERT INTO public.countries VALUES ('england', '16', 'United Kingdom');
INSERT INTO public.countries VALUES ('india', '22', 'India');
INSERT INTO public.countries VALUES ('colombia', '33', 'Colombia');
INSERT INTO public.countries VALUES ('germany', '43', 'Germany');
INSERT INTO public.countries VALUES ('thailand', '52', 'Thailand');
INSERT INTO public.countries VALUES ('turkey', '62', 'Turkey');
INSERT INTO public.countries VALUES ('brazil', '73', 'Brazil');

INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-4000-8000-000000000001', 1, 'balance.changed', '{"amount": "36.00", "frozen": "0.00", "balance": "36.00", "available": "36.00", "operation": "deposit", "transaction_id": "top-up:alice"}', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (2, '00000000-0000-4000-8000-000000000002', 1, 'balance.changed', '{"amount": "36.00", "frozen": "0.00", "balance": "36.00", "available": "36.00", "operation": "deposit", "transaction_id": "top-up:bob"}', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (3, '00000000-0000-4000-8000-000000000003', 1, 'balance.changed', '{"amount": "36.00", "frozen": "0.00", "balance": "36.00", "available": "36.00", "operation": "deposit", "transaction_id": "top-up:carol"}', '2026-11-21 05:58:06.700288+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (4, '00000000-0000-4000-8000-000000000001', 2, 'balance.changed', '{"amount": "5.00", "frozen": "5.00", "balance": "36.00", "available": "31.00", "operation": "freeze", "transaction_id": "other"}', '2026-11-21 05:58:06.706294+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (5, '00000000-0000-4000-8000-000000000001', 3, 'balance.changed', '{"amount": "5.00", "frozen": "10.00", "balance": "36.00", "available": "26.00", "operation": "freeze", "transaction_id": "activation:018098c4-9916-4813-895f-e193c63bc869"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (6, '00000000-0000-4000-8000-000000000001', 4, 'activation.created', '{"id": "018098c4-9916-4813-895f-e193c63bc869", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "ordering", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (7, '00000000-0000-4000-8000-000000000001', 5, 'activation.updated', '{"id": "018098c4-9916-4813-895f-e193c63bc869", "sms": [], "code": null, "phone": "6281", "price": "5.00", "status": "pending", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": "2026-11-21T06:18:06.708Z", "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (8, '00000000-0000-4000-8000-000000000001', 6, 'sms.received', '{"code": "123456", "text": "Your code is 123456", "phone": "6281", "country": "indonesia", "service": "whatsapp", "rental_id": null, "received_at": "2026-11-21T05:58:06.708Z", "activation_id": "018098c4-9916-4813-895f-e193c63bc869"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (9, '00000000-0000-4000-8000-000000000001', 7, 'activation.updated', '{"id": "018098c4-9916-4813-895f-e193c63bc869", "sms": [{"code": "123456", "text": "Your code is 123456", "received_at": "2026-11-21T05:58:06.708Z"}], "code": "123456", "phone": "6281", "price": "5.00", "status": "received", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": "2026-11-21T06:18:06.708Z", "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (10, '00000000-0000-4000-8000-000000000001', 8, 'balance.changed', '{"amount": "5.00", "frozen": "5.00", "balance": "31.00", "available": "26.00", "operation": "commit", "transaction_id": "activation:018098c4-9916-4813-895f-e193c63bc869"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (11, '00000000-0000-4000-8000-000000000001', 9, 'balance.changed', '{"amount": "5.00", "frozen": "10.00", "balance": "31.00", "available": "21.00", "operation": "freeze", "transaction_id": "activation:c5315030-1e6d-4c24-a58c-913e91d59957"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (12, '00000000-0000-4000-8000-000000000001', 10, 'activation.created', '{"id": "c5315030-1e6d-4c24-a58c-913e91d59957", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "ordering", "country": "russia", "service": "telegram", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (13, '00000000-0000-4000-8000-000000000001', 11, 'activation.updated', '{"id": "c5315030-1e6d-4c24-a58c-913e91d59957", "sms": [], "code": null, "phone": "6282", "price": "5.00", "status": "pending", "country": "russia", "service": "telegram", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": "2026-11-21T06:18:06.708Z", "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (14, '00000000-0000-4000-8000-000000000002', 2, 'balance.changed', '{"amount": "5.00", "frozen": "5.00", "balance": "36.00", "available": "31.00", "operation": "freeze", "transaction_id": "activation:03b6c2d0-fb12-4770-8d12-912f65c80dda"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (15, '00000000-0000-4000-8000-000000000002', 3, 'activation.created', '{"id": "03b6c2d0-fb12-4770-8d12-912f65c80dda", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "ordering", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (16, '00000000-0000-4000-8000-000000000002', 4, 'activation.updated', '{"id": "03b6c2d0-fb12-4770-8d12-912f65c80dda", "sms": [], "code": null, "phone": "6283", "price": "5.00", "status": "pending", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": "2026-11-21T06:18:06.708Z", "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (17, '00000000-0000-4000-8000-000000000002', 5, 'activation.updated', '{"id": "03b6c2d0-fb12-4770-8d12-912f65c80dda", "sms": [], "code": null, "phone": "6283", "price": "5.00", "status": "timeout", "country": "indonesia", "service": "whatsapp", "closed_at": "2026-11-21T05:58:06.708Z", "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": "2026-11-21T06:18:06.708Z", "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (18, '00000000-0000-4000-8000-000000000002', 6, 'balance.changed', '{"amount": "2.50", "frozen": "2.50", "balance": "36.00", "available": "33.50", "operation": "refund", "transaction_id": "activation:03b6c2d0-fb12-4770-8d12-912f65c80dda"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (19, '00000000-0000-4000-8000-000000000002', 7, 'balance.changed', '{"amount": "2.50", "frozen": "0.00", "balance": "33.50", "available": "33.50", "operation": "commit", "transaction_id": "activation:03b6c2d0-fb12-4770-8d12-912f65c80dda"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (20, '00000000-0000-4000-8000-000000000002', 8, 'balance.changed', '{"amount": "5.00", "frozen": "5.00", "balance": "33.50", "available": "28.50", "operation": "freeze", "transaction_id": "activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (21, '00000000-0000-4000-8000-000000000002', 9, 'activation.created', '{"id": "aeecfac4-daf2-4e9b-9661-76ba68ec024a", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "ordering", "country": "indonesia", "service": "whatsapp", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (22, '00000000-0000-4000-8000-000000000002', 10, 'activation.updated', '{"id": "aeecfac4-daf2-4e9b-9661-76ba68ec024a", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "cancelled", "country": "indonesia", "service": "whatsapp", "closed_at": "2026-11-21T05:58:06.708Z", "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (23, '00000000-0000-4000-8000-000000000002', 11, 'balance.changed', '{"amount": "5.00", "frozen": "0.00", "balance": "33.50", "available": "33.50", "operation": "refund", "transaction_id": "activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (24, '00000000-0000-4000-8000-000000000002', 12, 'balance.changed', '{"amount": "7.50", "frozen": "7.50", "balance": "33.50", "available": "26.00", "operation": "freeze", "transaction_id": "h1"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (25, '00000000-0000-4000-8000-000000000002', 13, 'balance.changed', '{"amount": "2.50", "frozen": "5.00", "balance": "31.00", "available": "26.00", "operation": "commit", "transaction_id": "h1"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (26, '00000000-0000-4000-8000-000000000002', 14, 'balance.changed', '{"amount": "5.00", "frozen": "0.00", "balance": "31.00", "available": "31.00", "operation": "refund", "transaction_id": "h1"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (27, '00000000-0000-4000-8000-000000000002', 15, 'balance.changed', '{"amount": "1.00", "frozen": "1.00", "balance": "31.00", "available": "30.00", "operation": "freeze", "transaction_id": "h2"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (28, '00000000-0000-4000-8000-000000000002', 16, 'balance.changed', '{"amount": "5.00", "frozen": "6.00", "balance": "31.00", "available": "25.00", "operation": "freeze", "transaction_id": "activation:3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4"}', '2026-11-21 05:58:06.708739+00');
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES (29, '00000000-0000-4000-8000-000000000002', 17, 'activation.created', '{"id": "3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4", "sms": [], "code": null, "phone": null, "price": "5.00", "status": "ordering", "country": "india", "service": "google", "closed_at": null, "created_at": "2026-11-21T05:58:06.708Z", "error_code": null, "expires_at": null, "cancel_requested": false, "cancel_allowed_at": null}', '2026-11-21 05:58:06.708739+00');

INSERT INTO public.schema_migrations VALUES ('0001_tables', '5895cb02e3b3b2387f1616304adeb36f1e29af0f6b77d76725e440b3cd5a26b2', 0, '2026-11-21 05:58:06.593619+00');
INSERT INTO public.schema_migrations VALUES ('0002_catalogue', '3d3486cf17d16c577d7fdb4fd4b8f07b4acaaeae3d3e07525571cf9cc900d7af', 0, '2026-11-21 05:58:06.63747+00');
INSERT INTO public.schema_migrations VALUES ('0003_receipts', 'd786b27806168748cbd0d48fe13c406d7e5b6981e4ed014e2f6ec2591d10d511', 0, '2026-11-21 05:58:06.639848+00');
INSERT INTO public.schema_migrations VALUES ('functions', '4db13e2f292a29cd7b3e04a12e428b80f510811c622100ba3a0c0071d5dcc3f3', 1, '2026-11-21 05:58:06.643134+00');
INSERT INTO public.schema_migrations VALUES ('triggers', '1c7cdbff33fcef07b9e79d9fa8877fdf3543846691c8253fb53f1a4805bb2227', 1, '2026-11-21 05:58:06.647077+00');

INSERT INTO public.services VALUES ('whatsapp', 'wa', 'WhatsApp', 5.00, NULL);
INSERT INTO public.services VALUES ('telegram', 'tg', 'Telegram', 5.00, NULL);
INSERT INTO public.services VALUES ('google', 'go', 'Google', 5.00, NULL);
INSERT INTO public.services VALUES ('instagram', 'ig', 'Instagram', 5.00, NULL);
INSERT INTO public.services VALUES ('facebook', 'fb', 'Facebook', 5.00, NULL);
INSERT INTO public.services VALUES ('twitter', 'tw', 'X (Twitter)', 5.00, NULL);
INSERT INTO public.services VALUES ('viber', 'vi', 'Viber', 5.00, NULL);
INSERT INTO public.services VALUES ('wechat', 'wb', 'WeChat', 5.00, NULL);
INSERT INTO public.services VALUES ('vkontakte', 'vk', 'VKontakte', 5.00, NULL);
INSERT INTO public.services VALUES ('apple', 'wx', 'Apple', 5.00, NULL);
INSERT INTO public.services VALUES ('openai', 'dr', 'OpenAI', 5.00, NULL);
INSERT INTO public.services VALUES ('amazon', 'am', 'Amazon', 5.00, NULL);
INSERT INTO public.services VALUES ('microsoft', 'mm', 'Microsoft', 5.00, NULL);
INSERT INTO public.services VALUES ('other', 'ot', 'Other', 5.00, NULL);
INSERT INTO public.services VALUES ('none', 'none', 'Demo: no SMS ever', 5.00, NULL);
INSERT INTO public.services VALUES ('dry', 'dry', 'Demo: no numbers left', 5.00, NULL);

INSERT INTO public.settings VALUES ('events_epoch', '"a65aed2b"', '2026-11-21 05:58:06.63747+00');
INSERT INTO public.settings VALUES ('timeout_refund_percent', '50', '2026-11-21 05:58:06.63747+00');

INSERT INTO public.sms_messages OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-4000-8000-000000000001', '018098c4-9916-4813-895f-e193c63bc869', NULL, '123456', 'Your code is 123456', 'caaff412dde392d4a38aeac82c8f7aaa', '2026-11-21 05:58:06.708739+00');

INSERT INTO public.users VALUES ('00000000-0000-4000-8000-000000000003', 'carol', 36.00, 0.00, 1, 'deposit', 36.00, 'top-up:carol', '2026-11-21 05:58:06.699237+00');
INSERT INTO public.users VALUES ('00000000-0000-4000-8000-000000000001', 'alice', 31.00, 10.00, 11, 'freeze', 5.00, 'activation:c5315030-1e6d-4c24-a58c-913e91d59957', '2026-11-21 05:58:06.699237+00');
INSERT INTO public.users VALUES ('00000000-0000-4000-8000-000000000002', 'bob', 31.00, 6.00, 17, 'freeze', 5.00, 'activation:3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', '2026-11-21 05:58:06.699237+00');

INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-4000-8000-000000000001', 'other', 5.00, 'held', 0.00, 0.00, NULL, NULL, 'another order', '2026-11-21 05:58:06.706294+00', NULL, NULL);
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (2, '00000000-0000-4000-8000-000000000001', 'activation:018098c4-9916-4813-895f-e193c63bc869', 5.00, 'committed', 5.00, 0.00, '018098c4-9916-4813-895f-e193c63bc869', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', 'activation:018098c4-9916-4813-895f-e193c63bc869');
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (3, '00000000-0000-4000-8000-000000000001', 'activation:c5315030-1e6d-4c24-a58c-913e91d59957', 5.00, 'held', 0.00, 0.00, 'c5315030-1e6d-4c24-a58c-913e91d59957', NULL, 'telegram, russia', '2026-11-21 05:58:06.708739+00', NULL, NULL);
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (4, '00000000-0000-4000-8000-000000000002', 'activation:03b6c2d0-fb12-4770-8d12-912f65c80dda', 5.00, 'refunded', 2.50, 2.50, '03b6c2d0-fb12-4770-8d12-912f65c80dda', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', 'activation:03b6c2d0-fb12-4770-8d12-912f65c80dda');
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (5, '00000000-0000-4000-8000-000000000002', 'activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a', 5.00, 'refunded', 0.00, 5.00, 'aeecfac4-daf2-4e9b-9661-76ba68ec024a', NULL, 'whatsapp, indonesia', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', 'activation:aeecfac4-daf2-4e9b-9661-76ba68ec024a');
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (6, '00000000-0000-4000-8000-000000000002', 'h1', 7.50, 'committed', 2.50, 5.00, NULL, NULL, 'purchase', '2026-11-21 05:58:06.708739+00', '2026-11-21 05:58:06.708739+00', 'h1');
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (7, '00000000-0000-4000-8000-000000000002', 'h2', 1.00, 'held', 0.00, 0.00, NULL, NULL, 'purchase', '2026-11-21 05:58:06.708739+00', NULL, NULL);
INSERT INTO public.wallet_holds OVERRIDING SYSTEM VALUE VALUES (8, '00000000-0000-4000-8000-000000000002', 'activation:3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', 5.00, 'held', 0.00, 0.00, '3eadf5ce-87ad-4275-9c4a-5efd36e8f3f4', NULL, 'google, india', '2026-11-21 05:58:06.708739+00', NULL, NULL);

SELECT pg_catalog.setval('public.balance_operations_id_seq', 17, true);

SELECT pg_catalog.setval('public.events_id_seq', 29, true);

SELECT pg_catalog.setval('public.sms_messages_id_seq', 1, true);

SELECT pg_catalog.setval('public.system_logs_id_seq', 1, false);

SELECT pg_catalog.setval('public.wallet_holds_id_seq', 8, true);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_provider_order_is_unique UNIQUE (provider, provider_order_id);

ALTER TABLE ONLY public.balance_operations
    ADD CONSTRAINT balance_operations_once_per_transaction UNIQUE (transaction_id, type);

ALTER TABLE ONLY public.balance_operations
    ADD CONSTRAINT balance_operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_code_is_unique UNIQUE (code);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (country);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_id_is_unique UNIQUE (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_provider_order_is_unique UNIQUE (provider, provider_order_id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.services
    ADD CONSTRAINT services_code_is_unique UNIQUE (code);

ALTER TABLE ONLY public.services
    ADD CONSTRAINT services_pkey PRIMARY KEY (service);

ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_once_per_activation UNIQUE (activation_id, provider_message_id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_once_per_rental UNIQUE (rental_id, provider_message_id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.system_logs
    ADD CONSTRAINT system_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_is_unique UNIQUE (name);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_transaction_is_unique UNIQUE (transaction_id);

CREATE INDEX activations_due ON public.activations USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX activations_of_user ON public.activations USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX balance_operations_of_user ON public.balance_operations USING btree (user_id, id DESC);

CREATE INDEX rentals_due ON public.rentals USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX rentals_of_user ON public.rentals USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX system_logs_by_time ON public.system_logs USING btree (at DESC);

CREATE INDEX wallet_holds_of_activation ON public.wallet_holds USING btree (activation_id) WHERE (activation_id IS NOT NULL);

CREATE INDEX wallet_holds_of_rental ON public.wallet_holds USING btree (rental_id) WHERE (rental_id IS NOT NULL);

CREATE INDEX wallet_holds_open ON public.wallet_holds USING btree (user_id) INCLUDE (amount) WHERE (state = 'held'::text);

CREATE TRIGGER activations_append_event_created AFTER INSERT ON public.activations FOR EACH ROW EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_append_event_updated AFTER UPDATE ON public.activations FOR EACH ROW WHEN (((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.expires_at IS DISTINCT FROM old.expires_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.cancel_allowed_at IS DISTINCT FROM old.cancel_allowed_at)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_refuse_unknown_transition BEFORE UPDATE OF status ON public.activations FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER balance_operations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.balance_operations FOR EACH STATEMENT EXECUTE FUNCTION public.balance_operations_append_only();

CREATE TRIGGER events_ring_doorbell AFTER INSERT ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.ring_doorbell();

CREATE TRIGGER rentals_append_event_created AFTER INSERT ON public.rentals FOR EACH ROW EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_append_event_updated AFTER UPDATE ON public.rentals FOR EACH ROW WHEN ((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.ends_at IS DISTINCT FROM old.ends_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_refuse_unknown_transition BEFORE UPDATE OF status ON public.rentals FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER sms_messages_append_event AFTER INSERT ON public.sms_messages FOR EACH ROW EXECUTE FUNCTION public.sms_messages_append_event();

CREATE TRIGGER users_append_event BEFORE UPDATE ON public.users FOR EACH ROW WHEN (((new.balance IS DISTINCT FROM old.balance) OR (new.frozen_balance IS DISTINCT FROM old.frozen_balance))) EXECUTE FUNCTION public.users_append_event();

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.balance_operations
    ADD CONSTRAINT balance_operations_hold_exists FOREIGN KEY (hold_id) REFERENCES public.wallet_holds(id);

ALTER TABLE ONLY public.balance_operations
    ADD CONSTRAINT balance_operations_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_event_exists FOREIGN KEY (user_id, seq) REFERENCES public.events(user_id, seq) ON DELETE CASCADE;

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_rental_exists FOREIGN KEY (rental_id) REFERENCES public.rentals(id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_rental_exists FOREIGN KEY (rental_id) REFERENCES public.rentals(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

