-- The schema that all migrations, functions, triggers and privileges make together, for reading and for comparing.
-- Written by `make schema`; nothing runs it, and a test fails when it is not what the migrations make.

CREATE FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update activations
       set purchase_started_at = null, provider = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_activation_id and status = 'ordering';
    return found;
end $$;

CREATE FUNCTION public.acting(p_actor text DEFAULT NULL::text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select case current_setting('role') when 'none' then session_user::text else current_setting('role') end
        || coalesce(':' || p_actor, '')
$$;

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
declare
    v_payload jsonb := activation_json(new);
    v_seq bigint := append_event(
        new.user_id, case tg_op when 'INSERT' then 'activation.created' else 'activation.updated' end, v_payload);
begin
    if v_payload -> 'sms' <> '[]' then
        perform schedule_redaction(new.id, new.user_id, v_seq, new.closed_at);
    end if;
    return null;
end $$;

CREATE FUNCTION public.operation_type_is_known(p_type text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return p_type in ('freeze', 'commit', 'refund', 'deposit', 'adjust', 'correct');
end $$;

CREATE TABLE public.balance_operations (
    user_id uuid CONSTRAINT balance_operations_user_id_not_null1 NOT NULL,
    number bigint NOT NULL,
    type text CONSTRAINT balance_operations_type_not_null1 NOT NULL,
    amount numeric(14,2) CONSTRAINT balance_operations_amount_not_null1 NOT NULL,
    balance_before numeric(14,2) CONSTRAINT balance_operations_balance_before_not_null1 NOT NULL,
    balance_after numeric(14,2) CONSTRAINT balance_operations_balance_after_not_null1 NOT NULL,
    frozen_before numeric(14,2) CONSTRAINT balance_operations_frozen_before_not_null1 NOT NULL,
    frozen_after numeric(14,2) CONSTRAINT balance_operations_frozen_after_not_null1 NOT NULL,
    available_before numeric(14,2) GENERATED ALWAYS AS ((balance_before - frozen_before)) STORED CONSTRAINT balance_operations_available_before_not_null1 NOT NULL,
    available_after numeric(14,2) GENERATED ALWAYS AS ((balance_after - frozen_after)) STORED CONSTRAINT balance_operations_available_after_not_null1 NOT NULL,
    transaction_id text CONSTRAINT balance_operations_transaction_id_not_null1 NOT NULL,
    hold_transaction_id text,
    activation_id uuid,
    rental_id uuid,
    actor text NOT NULL,
    reason text CONSTRAINT balance_operations_reason_not_null1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT balance_operations_created_at_not_null1 NOT NULL,
    CONSTRAINT balance_operations_type_known CHECK (public.operation_type_is_known(type))
)
WITH (autovacuum_freeze_min_age='0', autovacuum_vacuum_insert_scale_factor='0.05');

CREATE FUNCTION public.adjust_moves_balance(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount <> 0
       and o.balance_after = o.balance_before + o.amount
       and o.frozen_after = o.frozen_before
       and o.hold_transaction_id is null;
end $$;

CREATE FUNCTION public.alert_wallet(p_health jsonb, p_refusal text, p_now timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_data jsonb := p_health || case when p_refusal is null then '{}' else jsonb_build_object('refused', p_refusal) end;
    v_told jsonb;
begin
    select data into v_told from system_logs
     where level = 'critical' and source = 'correct_frozen_balance' and at > p_now - interval '1 day'
       and data ->> 'user_id' = p_health ->> 'user_id'
     order by at desc, id desc limit 1;
    if v_told = v_data then
        return false;
    end if;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'critical', 'correct_frozen_balance', 'a wallet needs a person', v_data);
    perform append_event('00000000-0000-4000-8000-6f7065726174', 'admin.alert',
                         v_data || '{"alert": "wallet"}');
    return true;
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
    if pg_try_advisory_lock_shared(20307, 1) then
        perform ring_doorbell();
    end if;
    return v_seq;
end $$;

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text,
    balance numeric(14,2) DEFAULT 0 NOT NULL,
    frozen_balance numeric(14,2) DEFAULT 0 NOT NULL,
    event_seq bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    operation_number bigint DEFAULT 0 NOT NULL,
    CONSTRAINT users_frozen_not_negative CHECK ((frozen_balance >= (0)::numeric)),
    CONSTRAINT users_frozen_within_balance CHECK ((frozen_balance <= balance))
)
WITH (fillfactor='70');

CREATE FUNCTION public.append_operation(p_user public.users, p_type text, p_amount numeric, p_transaction_id text, p_reason text, p_actor text, p_hold_transaction_id text DEFAULT NULL::text, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_frozen_change numeric := case p_type when 'freeze' then p_amount when 'correct' then p_amount
                                           when 'commit' then -p_amount when 'refund' then -p_amount else 0 end;
    v_balance_change numeric := case p_type when 'commit' then -p_amount when 'deposit' then p_amount
                                            when 'adjust' then p_amount else 0 end;
    v_amount text := round(p_amount, 2)::text;
    v_available text := (p_user.balance - p_user.frozen_balance)::text;
begin
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, hold_transaction_id, activation_id, rental_id, actor,
                                    reason)
    values (p_user.id, p_user.operation_number, p_type, p_amount, p_user.balance - v_balance_change, p_user.balance,
            p_user.frozen_balance - v_frozen_change, p_user.frozen_balance, p_transaction_id, p_hold_transaction_id,
            p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, p_type));
    insert into events (user_id, seq, type, payload)
    values (p_user.id, p_user.event_seq, 'balance.changed', jsonb_build_object(
            'balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text, 'available', v_available,
            'operation', p_type, 'amount', v_amount, 'transaction_id', p_transaction_id));
    if pg_try_advisory_lock_shared(20307, 1) then
        perform ring_doorbell();
    end if;
    return jsonb_build_object(
        'operation_number', p_user.operation_number, 'type', p_type, 'transaction_id', p_transaction_id,
        'hold_transaction_id', p_hold_transaction_id, 'user_id', p_user.id, 'activation_id', p_activation_id,
        'rental_id', p_rental_id, 'amount', v_amount, 'balance', p_user.balance::text,
        'frozen', p_user.frozen_balance::text, 'available', v_available, 'replayed', false);
end $$;

CREATE FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.atomic_adjust(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    if p_amount < 0 then
        perform check_amount(-p_amount);
    else
        perform check_amount(p_amount);
    end if;
    if p_reason is null or p_reason !~ '[^[:space:]]' then
        raise exception using errcode = 'OS014', message = 'expected a reason for the adjustment, got none',
            detail = '{"argument": "p_reason"}';
    end if;
    return change_balance('adjust', p_user_id, p_amount, p_transaction_id, p_reason, p_actor);
end $$;

CREATE FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_transaction_id text DEFAULT NULL::text, p_reason text DEFAULT 'served'::text, p_amount numeric DEFAULT NULL::numeric, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    return settle_hold('commit', p_user_id, p_activation_id, p_rental_id, p_transaction_id,
                       coalesce(p_reason, 'served'), p_amount, p_actor);
end $$;

CREATE FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text DEFAULT 'top-up'::text, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    perform check_amount(p_amount);
    return change_balance('deposit', p_user_id, p_amount, p_transaction_id, coalesce(p_reason, 'top-up'), p_actor);
end $$;

CREATE FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text DEFAULT 'purchase'::text, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_balance numeric;
    v_frozen numeric;
    v_number bigint;
    v_seq bigint;
    v_amount text;
begin
    if (p_amount > 0 and p_amount < 1e12 and p_amount = round(p_amount, 2)) is not true then
        perform check_amount(p_amount);
    end if;
    if (length(p_transaction_id) between 1 and 255) is not true then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    if length(p_reason) > 1000 or length(p_actor) > 1000 then
        perform check_remarks(p_reason, p_actor);
    end if;
    loop
        if exists (select from wallet_holds where transaction_id = p_transaction_id) then
            return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at);
        end if;
        update users
           set frozen_balance = frozen_balance + p_amount,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id and balance - frozen_balance >= p_amount
        returning balance, frozen_balance, operation_number, event_seq into v_balance, v_frozen, v_number, v_seq;
        exit when found;
        perform refuse_freeze(p_user_id, p_amount, p_transaction_id);
    end loop;
    insert into wallet_holds (transaction_id, user_id, amount, activation_id, rental_id, frozen_number, expires_at)
    values (p_transaction_id, p_user_id, p_amount, p_activation_id, p_rental_id, v_number, p_expires_at)
    on conflict (transaction_id) do nothing;
    if not found then
        update users
           set frozen_balance = frozen_balance - p_amount,
               operation_number = operation_number - 1, event_seq = event_seq - 1
         where id = p_user_id;
        return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at);
    end if;
    if p_activation_id is not null or p_rental_id is not null or p_expires_at is not null then
        perform check_hold_order(p_user_id, p_transaction_id, p_activation_id, p_rental_id, p_expires_at);
    end if;
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, activation_id, rental_id, actor, reason)
    values (p_user_id, v_number, 'freeze', p_amount, v_balance, v_balance, v_frozen - p_amount, v_frozen,
            p_transaction_id, p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, 'purchase'));
    v_amount := round(p_amount, 2)::text;
    insert into events (user_id, seq, type, payload)
    values (p_user_id, v_seq, 'balance.changed', jsonb_build_object(
            'balance', v_balance::text, 'frozen', v_frozen::text, 'available', (v_balance - v_frozen)::text,
            'operation', 'freeze', 'amount', v_amount, 'transaction_id', p_transaction_id));
    if pg_try_advisory_lock_shared(20307, 1) then
        perform ring_doorbell();
    end if;
    return jsonb_build_object(
        'operation_number', v_number, 'type', 'freeze', 'transaction_id', p_transaction_id,
        'hold_transaction_id', null, 'user_id', p_user_id, 'activation_id', p_activation_id, 'rental_id', p_rental_id,
        'amount', v_amount, 'balance', v_balance::text, 'frozen', v_frozen::text,
        'available', (v_balance - v_frozen)::text, 'replayed', false);
end $$;

CREATE FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_transaction_id text DEFAULT NULL::text, p_reason text DEFAULT 'not served'::text, p_amount numeric DEFAULT NULL::numeric, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    return settle_hold('refund', p_user_id, p_activation_id, p_rental_id, p_transaction_id,
                       coalesce(p_reason, 'not served'), p_amount, p_actor);
end $$;

CREATE FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update activations set purchase_started_at = p_now, provider = p_provider
     where id = p_activation_id and status = 'ordering' and purchase_started_at is null
       and cancel_requested_at is null;
    return found;
end $$;

CREATE FUNCTION public.change_balance(p_type text, p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_first balance_operations;
    v_field text;
    v_constraint text;
begin
    perform check_key('p_transaction_id', p_transaction_id);
    perform check_remarks(p_reason, p_actor);
    v_user := lock_user_wallet(p_user_id);
    select * into v_first from balance_operations where transaction_id = p_transaction_id and type = p_type
       and type in ('deposit', 'adjust', 'correct');
    if found then
        v_field := case when v_first.user_id <> p_user_id then 'user_id'
                        when v_first.amount <> p_amount then 'amount' end;
        if v_field is not null then
            perform refuse_mismatch(p_transaction_id, v_field);
        end if;
        return operation_result(v_first, v_first, true);
    elsif p_amount < 0 and v_user.balance - v_user.frozen_balance + p_amount < 0 then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(-p_amount, 2), v_user.balance - v_user.frozen_balance),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(-p_amount, 2)::text,
                                        'available', (v_user.balance - v_user.frozen_balance)::text)::text;
    elsif v_user.balance + p_amount >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected a balance below 10^12 afterwards, got %s', v_user.balance + p_amount),
            detail = jsonb_build_object('amount', p_amount::text)::text;
    end if;
    update users
       set balance = balance + p_amount, operation_number = operation_number + 1, event_seq = event_seq + 1
     where id = p_user_id
    returning * into v_user;
    return append_operation(v_user, p_type, p_amount, p_transaction_id, p_reason, p_actor);
exception when unique_violation then
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint <> 'balance_operations_once_per_transaction' then
        raise;
    end if;
    -- Another user's wallet has taken this transaction id since we looked: their lock is not ours.
    perform refuse_mismatch(p_transaction_id, 'user_id');
    return null;
end $$;

CREATE FUNCTION public.check_amount(p_amount numeric) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if p_amount is null or p_amount in ('NaN', 'Infinity', '-Infinity') or p_amount <= 0
       or p_amount <> round(p_amount, 2) or p_amount >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected an amount above 0 with at most 2 decimals and below 10^12, got %s',
                             coalesce(left(p_amount::text, 400), 'null')),
            detail = jsonb_build_object('amount', left(p_amount::text, 400))::text;
    end if;
end $$;

CREATE FUNCTION public.check_hold_order(p_user_id uuid, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone) RETURNS void
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
    elsif p_expires_at is not null and v_order_id is not null then
        raise exception using errcode = 'OS014', message = 'expected an order or a time of expiry, got both: an order '
            'ends its hold itself', detail = '{"argument": "p_expires_at"}';
    elsif not isfinite(p_expires_at) then
        raise exception using errcode = 'OS014', message = format('expected a time, got %s', p_expires_at),
            detail = '{"argument": "p_expires_at"}';
    end if;
    select user_id, status into v_user_id, v_status from activations where id = p_activation_id
     union all select user_id, status from rentals where id = p_rental_id;
    if v_user_id <> p_user_id then
        raise exception using errcode = 'OS007', message = format('no order %s', v_order_id),
            detail = jsonb_build_object('order_id', v_order_id)::text;
    elsif v_status not in ('ordering', 'pending', 'active') then
        raise exception using errcode = 'OS016', message = format('the order holds nothing any more: %s', v_status),
            detail = jsonb_build_object('order_id', v_order_id, 'status', v_status)::text;
    elsif v_order_id is not null and exists (select from wallet_holds where settled_by = p_transaction_id
                                                                         and settled_by <> transaction_id) then
        -- A settlement of this order that is repeated under the id would mean this hold instead of what it ended.
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    elsif exists (select from wallet_holds where activation_id = p_activation_id and state = 'held'
                                                and transaction_id <> p_transaction_id) then
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

CREATE FUNCTION public.check_remarks(p_reason text, p_actor text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if length(p_reason) > 1000 then
        raise exception using errcode = 'OS014',
            message = format('expected p_reason of at most 1000 characters, got %s', length(p_reason)),
            detail = '{"argument": "p_reason"}';
    elsif length(p_actor) > 1000 then
        raise exception using errcode = 'OS014',
            message = format('expected p_actor of at most 1000 characters, got %s', length(p_actor)),
            detail = '{"argument": "p_actor"}';
    end if;
end $$;

CREATE FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, status text, service_code text, country_code text, price numeric, provider text, provider_order_id text, phone text, created_at timestamp with time zone, purchase_started_at timestamp with time zone, purchased_at timestamp with time zone, expires_at timestamp with time zone, cancel_requested_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE TABLE public.periodic_jobs (
    name text NOT NULL,
    every interval NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    result jsonb,
    CONSTRAINT periodic_jobs_every_positive CHECK ((every > '00:00:00'::interval))
);

CREATE FUNCTION public.claim_periodic_jobs(p_names text[], p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS SETOF public.periodic_jobs
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select name from periodic_jobs where due_at <= p_now and name = any (p_names)
         order by due_at limit p_limit for no key update skip locked
    )
    update periodic_jobs j set due_at = p_now + p_lease, started_at = p_now
      from due where j.name = due.name
    returning j.*
$$;

CREATE FUNCTION public.claim_settlement_id(p_transaction_id text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_advisory_xact_lock(hashtextextended(p_transaction_id, 20307));
    if exists (select from wallet_holds where transaction_id = p_transaction_id)
       or exists (select from wallet_holds where settled_by = p_transaction_id and settled_by <> transaction_id) then
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    end if;
end $$;

CREATE FUNCTION public.claimed_user_id() RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_claims text := nullif(current_setting('request.jwt.claims', true), '');
begin
    if v_claims is null then
        return nullif(current_setting('onesms.user_id', true), '')::uuid;
    end if;
    return (v_claims::json ->> 'sub')::uuid;
exception when data_exception or program_limit_exceeded then
    return null;
end $$;

CREATE FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_transaction_id text := 'activation:' || p_activation_id;
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
    v_hold := find_hold(v_activation.user_id, p_activation_id, null, null);
    v_refund := refund_due(p_status, v_activation.service, v_hold.amount);
    if v_refund = 0 then
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => p_status);
    else
        perform atomic_refund(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => p_status, p_amount => v_refund);
    end if;
    return true;
end $$;

CREATE FUNCTION public.commit_spends_frozen(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount > 0
       and o.balance_after = o.balance_before - o.amount
       and o.frozen_after = o.frozen_before - o.amount
       and o.hold_transaction_id is not null;
end $$;

CREATE FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_before jsonb := wallet_health(p_user_id);
    v_after jsonb := v_before;
    v_operations jsonb := '[]';
    v_refusal text;
    v_alerted boolean := false;
begin
    if v_before ->> 'status' = 'WARNING' then
        begin
            perform settle_ended_orders(p_user_id, 'correct_frozen_balance');
            perform restate_frozen(p_user_id, 'correct_frozen_balance');
        exception when others then
            if sqlstate !~ '^(OS|23)' then  -- a refusal or a constraint is a fault of the wallet; others are not
                raise;
            end if;
            v_refusal := sqlerrm;
        end;
        v_after := wallet_health(p_user_id);
        select coalesce(jsonb_agg(number order by number), '[]') into v_operations
          from balance_operations where user_id = p_user_id and number > v_user.operation_number;
    end if;
    if v_operations <> '[]' then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'correct_frozen_balance', 'a wallet was corrected', jsonb_build_object(
                'user_id', p_user_id, 'operations', v_operations, 'before', v_before, 'after', v_after));
    end if;
    if v_after ->> 'status' <> 'OK' then
        v_alerted := alert_wallet(v_after, v_refusal, p_now);
    end if;
    return jsonb_build_object(
        'user_id', p_user_id, 'corrected', v_operations <> '[]', 'alerted', v_alerted, 'operations', v_operations,
        'before', v_before, 'after', v_after);
end $$;

CREATE FUNCTION public.correct_restates_frozen(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount <> 0
       and o.balance_after = o.balance_before
       and o.frozen_after = o.frozen_before + o.amount
       and o.hold_transaction_id is null;
end $$;

CREATE FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text DEFAULT NULL::text, p_max_price numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.deposit_adds_to_balance(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount > 0
       and o.balance_after = o.balance_before + o.amount
       and o.frozen_after = o.frozen_before
       and o.hold_transaction_id is null;
end $$;

CREATE FUNCTION public.expire_holds(p_limit integer DEFAULT 100, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '50ms'
    AS $$
declare
    v_due record;
    v_expired integer := 0;
begin
    for v_due in
        select h.user_id, h.transaction_id, h.amount
          from wallet_holds h join users u on u.id = h.user_id and u.frozen_balance between h.amount and u.balance
         where h.state = 'held' and h.expires_at <= p_now order by h.expires_at
    loop
        exit when v_expired >= p_limit;
        begin
            -- SKIP LOCKED waits all the same for a row that was just updated and is being updated again. With the
            -- wallets we hold already that wait could close a circle; lock_timeout ends it.
            perform from users
              where id = v_due.user_id and frozen_balance between v_due.amount and balance
                for no key update skip locked;
            continue when not found;
        exception when lock_not_available then
            continue;
        end;
        perform from wallet_holds where transaction_id = v_due.transaction_id and state = 'held';
        continue when not found;
        begin
            perform settle_hold('refund', v_due.user_id, null, null, v_due.transaction_id, 'expired', null);
            v_expired := v_expired + 1;
        exception when others then
            if sqlstate !~ '^(OS|23)' then  -- a refusal or a constraint is this hold's fault; others are not
                raise;
            end if;
            perform alert_wallet(wallet_health(v_due.user_id) || jsonb_build_object('hold', v_due.transaction_id),
                                 sqlerrm, p_now);
        end;
    end loop;
    return v_expired;
end $$;

CREATE TABLE public.wallet_holds (
    transaction_id text CONSTRAINT wallet_holds_transaction_id_not_null1 NOT NULL,
    user_id uuid CONSTRAINT wallet_holds_user_id_not_null1 NOT NULL,
    amount numeric(14,2) CONSTRAINT wallet_holds_amount_not_null1 NOT NULL,
    state text DEFAULT 'held'::text CONSTRAINT wallet_holds_state_not_null1 NOT NULL,
    committed_amount numeric(14,2),
    refunded_amount numeric(14,2),
    activation_id uuid,
    rental_id uuid,
    frozen_number bigint NOT NULL,
    settled_number bigint,
    settled_by text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT wallet_holds_created_at_not_null1 NOT NULL,
    settled_at timestamp with time zone,
    expires_at timestamp with time zone
)
WITH (fillfactor='90');

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
         where activation_id = p_activation_id and user_id = p_user_id
         order by (p_transaction_id in (settled_by, transaction_id)) is true desc, state = 'held' desc,
                  frozen_number desc limit 1;
    elsif p_rental_id is not null then
        if p_transaction_id is null
           and (select count(*) from wallet_holds where rental_id = p_rental_id and user_id = p_user_id) > 1 then
            raise exception using errcode = 'OS014', detail = '{"argument": "p_transaction_id"}',
                message = format('expected p_transaction_id: rental %s has more than one hold', p_rental_id);
        end if;
        select * into v_hold from wallet_holds
         where rental_id = p_rental_id and user_id = p_user_id
         order by (p_transaction_id in (settled_by, transaction_id)) is true desc, state = 'held' desc,
                  frozen_number desc limit 1;
    else
        select * into v_hold from wallet_holds where transaction_id = p_transaction_id and user_id = p_user_id;
    end if;
    return v_hold;
end $$;

CREATE FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update periodic_jobs
       set finished_at = p_now, result = p_result,
           due_at = case due_at when p_leased_until then p_now + every else due_at end
     where name = p_name
$$;

CREATE FUNCTION public.forget_events(p_kept interval, p_limit integer DEFAULT 1000, p_after bigint DEFAULT 0, p_now timestamp with time zone DEFAULT now(), OUT forgotten bigint, OUT last_id bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    if p_kept is null or p_kept < interval '1 day' then
        raise exception using errcode = 'OS014', message = format('p_kept: expected a day or more, got %s', p_kept),
            detail = '{"argument": "p_kept"}';
    end if;
    select coalesce(min(id) filter (where at >= p_now - p_kept) - 1, max(id), p_after) into last_id
      from (select id, at from events where id > p_after order by id limit p_limit) oldest;
    -- `at` again: one with a lower id may have been committed since.
    delete from events where id > p_after and id <= last_id and at < p_now - p_kept;
    get diagnostics forgotten = row_count;
end $$;

CREATE FUNCTION public.forget_revocations(p_lifetime interval, p_now timestamp with time zone DEFAULT now()) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_forgotten bigint;
begin
    if p_lifetime is null or p_lifetime < interval '1 minute' then
        raise exception using errcode = 'OS014',
            message = format('p_lifetime: expected a minute or more, got %s', p_lifetime),
            detail = jsonb_build_object('argument', 'p_lifetime')::text;
    end if;
    delete from revocations where at < p_now - p_lifetime;
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;

CREATE FUNCTION public.freeze_moves_available_to_frozen(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount > 0
       and o.balance_after = o.balance_before
       and o.frozen_after = o.frozen_before + o.amount
       and o.hold_transaction_id is null;
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

CREATE FUNCTION public.lock_user_wallet(p_user_id uuid) RETURNS public.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update settings set value = to_jsonb(substr(md5(gen_random_uuid()::text), 1, 8)), updated_at = now()
     where key = 'events_epoch' returning value #>> '{}'
$$;

CREATE FUNCTION public.operation_json(p_operation public.balance_operations) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'number', p_operation.number, 'type', p_operation.type, 'amount', p_operation.amount::text,
        'balance_before', p_operation.balance_before::text, 'balance_after', p_operation.balance_after::text,
        'frozen_before', p_operation.frozen_before::text, 'frozen_after', p_operation.frozen_after::text,
        'available_before', p_operation.available_before::text, 'available_after', p_operation.available_after::text,
        'transaction_id', p_operation.transaction_id, 'hold_transaction_id', p_operation.hold_transaction_id,
        'reason', p_operation.reason,
        'activation_id', p_operation.activation_id, 'rental_id', p_operation.rental_id,
        'at', iso_utc(p_operation.created_at))
$$;

CREATE FUNCTION public.operation_result(p_operation public.balance_operations, p_last public.balance_operations, p_replayed boolean) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select jsonb_build_object(
        'operation_number', p_operation.number, 'type', p_operation.type,
        'transaction_id', p_operation.transaction_id, 'hold_transaction_id', p_operation.hold_transaction_id,
        'user_id', p_operation.user_id, 'activation_id', p_operation.activation_id, 'rental_id', p_operation.rental_id,
        'amount', p_operation.amount::text, 'balance', p_last.balance_after::text, 'frozen', p_last.frozen_after::text,
        'available', p_last.available_after::text, 'replayed', p_replayed)
$$;

CREATE FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.redact_events(p_closed_for interval, p_limit integer DEFAULT 100, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_orders integer;
    v_user_ids uuid[];
    v_seqs bigint[];
begin
    if p_closed_for is null or p_closed_for < interval '0' then
        raise exception using errcode = 'OS014',
            message = format('p_closed_for: expected 0 seconds or more, got %s', p_closed_for),
            detail = '{"argument": "p_closed_for"}';
    end if;
    with due as (
        select order_id from redactions where closed_at <= p_now - p_closed_for
         order by closed_at limit p_limit for update skip locked
    ), done as (
        delete from redactions r using due where r.order_id = due.order_id returning r.user_id, r.seqs
    )
    select count(distinct d.n), array_agg(d.user_id), array_agg(s.seq) into v_orders, v_user_ids, v_seqs
      from (select row_number() over () as n, user_id, seqs from done) d, unnest(d.seqs) as s (seq);
    -- By arrays, so that whatever is known of the tables' sizes each event is found by its key.
    update events e set payload = redacted_json(e.payload)
      from (select e.user_id, e.seq
              from unnest(v_user_ids, v_seqs) as carrying (user_id, seq) join events e using (user_id, seq)
             order by e.id for no key update of e) locked
     where e.user_id = locked.user_id and e.seq = locked.seq;
    return v_orders;
end $$;

CREATE FUNCTION public.redacted_json(p_payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select p_payload || '{"redacted": true}'
        || case when p_payload ? 'code' then '{"code": null}' else '{}' end::jsonb
        || case when p_payload ? 'text' then '{"text": null}' else '{}' end::jsonb
        || case when p_payload ? 'sms' then jsonb_build_object('sms', (
               select coalesce(jsonb_agg(sms || '{"code": null, "text": null}' order by number), '[]')
                 from jsonb_array_elements(p_payload -> 'sms') with ordinality as received (sms, number)))
           else '{}' end
$$;

CREATE FUNCTION public.refund_due(p_status text, p_service text, p_amount numeric) RETURNS numeric
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_percent integer;
begin
    if p_status in ('received', 'completed', 'expired') then
        return 0;
    elsif p_status in ('cancelled', 'failed') then
        return p_amount;
    elsif p_status is distinct from 'timeout' then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends an order, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('to', p_status)::text;
    end if;
    select coalesce(s.timeout_refund_percent,
                    (select (value #>> '{}')::numeric::integer from settings where key = 'timeout_refund_percent'), 100)
      into v_percent from services s where s.service = p_service;
    return round(p_amount * v_percent / 100, 2);
end $$;

CREATE FUNCTION public.refund_moves_frozen_to_available(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount > 0
       and o.balance_after = o.balance_before
       and o.frozen_after = o.frozen_before - o.amount
       and o.hold_transaction_id is not null;
end $$;

CREATE FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.refuse_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_available numeric := v_user.balance - v_user.frozen_balance;
begin
    if v_available < p_amount and not exists (select from wallet_holds where transaction_id = p_transaction_id) then
        raise exception using errcode = 'OS001',
            message = format('needs %s, available %s', round(p_amount, 2), v_available),
            detail = jsonb_build_object('user_id', p_user_id, 'needed', round(p_amount, 2)::text,
                                        'available', v_available::text)::text;
    end if;
end $$;

CREATE FUNCTION public.refuse_mismatch(p_transaction_id text, p_field text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    raise exception using errcode = 'OS005',
        message = format('transaction %s was already used with another %s', p_transaction_id, p_field),
        detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', p_field)::text;
end $$;

CREATE FUNCTION public.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception using errcode = 'OS009',
        message = format('%s on %s refused: its rows are kept, a correction is a new one', tg_op, tg_table_name);
end $$;

CREATE FUNCTION public.refuse_second_end() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if old.state <> 'held' then
        raise exception using errcode = 'OS004',
            message = format('hold %s was already %s by %s', old.transaction_id, old.state, old.settled_by),
            detail = jsonb_build_object('hold_transaction_id', old.transaction_id, 'state', old.state,
                                        'settled_by', old.settled_by, 'settled_at', iso_utc(old.settled_at))::text;
    elsif (new.state in ('committed', 'refunded') and new.committed_amount >= 0 and new.refunded_amount >= 0
           and new.committed_amount + new.refunded_amount = old.amount
           and num_nonnulls(new.settled_by, new.settled_at, new.settled_number) = 3
           and (new.transaction_id, new.user_id, new.amount)
               = (old.transaction_id, old.user_id, old.amount)) is not true then
        raise check_violation using constraint = 'wallet_holds_end_whole',
            message = format('hold %s must end whole: committed + refunded = %s', old.transaction_id, old.amount);
    end if;
    return new;
end $$;

CREATE FUNCTION public.refuse_unaudited_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception using errcode = 'OS017',
        message = format('balance %s, frozen %s for user %s refused: use the wallet''s functions (atomic_deposit, '
                         'atomic_adjust, correct_frozen_balance …), which leave an operation in the audit',
                         new.balance, new.frozen_balance, new.id),
        detail = jsonb_build_object('user_id', new.id)::text;
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
declare
    v_payload jsonb := rental_json(new);
    v_seq bigint := append_event(
        new.user_id, case tg_op when 'INSERT' then 'rental.created' else 'rental.updated' end, v_payload);
begin
    if v_payload -> 'sms' <> '[]' then
        perform schedule_redaction(new.id, new.user_id, v_seq, new.closed_at);
    end if;
    return null;
end $$;

CREATE FUNCTION public.replay_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_hold wallet_holds;
    v_field text;
begin
    select * into strict v_hold from wallet_holds where transaction_id = p_transaction_id;
    v_field := case when v_hold.user_id is distinct from p_user_id then 'user_id'
                    when v_hold.amount <> p_amount then 'amount'
                    when v_hold.activation_id is distinct from p_activation_id then 'activation_id'
                    when v_hold.rental_id is distinct from p_rental_id then 'rental_id'
                    when v_hold.expires_at is distinct from p_expires_at then 'expires_at' end;
    if v_field = 'user_id' and not exists (select from users where id = p_user_id) then
        raise exception using errcode = 'OS002', message = format('no user %s', coalesce(p_user_id::text, 'null')),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    elsif v_field is not null then
        perform refuse_mismatch(p_transaction_id, v_field);
    end if;
    return operation_result(o, o, true)
      from balance_operations o where o.user_id = p_user_id and o.number = v_hold.frozen_number;
end $$;

CREATE FUNCTION public.replay_settlement(p_hold public.wallet_holds, p_state text, p_transaction_id text, p_amount numeric) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_first balance_operations;
    v_last balance_operations;
begin
    select * into strict v_first from balance_operations
     where user_id = p_hold.user_id and number = p_hold.settled_number;
    if p_hold.state <> p_state or p_hold.settled_by <> p_transaction_id then
        raise exception using errcode = 'OS004',
            message = format('hold %s was already %s by %s', p_hold.transaction_id, p_hold.state, p_hold.settled_by),
            detail = jsonb_build_object('hold_transaction_id', p_hold.transaction_id, 'state', p_hold.state,
                                        'settled_by', p_hold.settled_by, 'settled_at', iso_utc(p_hold.settled_at),
                                        'reason', v_first.reason)::text;
    elsif v_first.amount <> p_amount then
        perform refuse_mismatch(p_transaction_id, 'amount');
    end if;
    select * into strict v_last from balance_operations
     where user_id = p_hold.user_id
       and number = p_hold.settled_number + (p_hold.committed_amount > 0 and p_hold.refunded_amount > 0)::integer;
    return operation_result(v_first, v_last, true);
end $$;

CREATE FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update activations set due_at = p_due_at where id = p_activation_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.restate_frozen(p_user_id uuid, p_actor text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_found numeric;
    v_held numeric;
begin
    select frozen_balance into strict v_found from users where id = p_user_id;
    select coalesce(sum(amount), 0) into v_held from wallet_holds where user_id = p_user_id and state = 'held';
    update users
       set frozen_balance = v_held, operation_number = operation_number + 1, event_seq = event_seq + 1
     where id = p_user_id and frozen_balance <> v_held and v_held <= balance
    returning * into v_user;
    if found then
        perform append_operation(
            v_user, 'correct', v_held - v_found, format('correct:%s:%s', p_user_id, v_user.operation_number),
            format('frozen was %s, open holds are %s', v_found, v_user.frozen_balance), p_actor);
    end if;
end $$;

CREATE FUNCTION public.revoke_tokens(p_user_id uuid DEFAULT NULL::uuid, p_token_id text DEFAULT NULL::text, p_actor text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT clock_timestamp()) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_at timestamptz;
begin
    if num_nonnulls(p_user_id, p_token_id) <> 1 then
        raise exception using errcode = 'OS014', message = 'expected either p_user_id or p_token_id',
            detail = jsonb_build_object('argument', 'p_user_id')::text;
    elsif length(p_token_id) not between 1 and 200 then
        raise exception using errcode = 'OS014',
            message = format('p_token_id: expected 1 to 200 characters, got %s', length(p_token_id)),
            detail = jsonb_build_object('argument', 'p_token_id')::text;
    end if;
    if p_user_id is not null then
        insert into revocations as r (user_id, at, actor, xid)
        values (p_user_id, p_now, acting(p_actor), pg_current_xact_id())
        on conflict (user_id) do update
           set at = greatest(r.at, excluded.at), actor = excluded.actor, xid = excluded.xid
        returning at into v_at;
    else
        insert into revocations as r (token_id, at, actor, xid)
        values (p_token_id, p_now, acting(p_actor), pg_current_xact_id())
        on conflict (token_id) do update set at = greatest(r.at, excluded.at), xid = excluded.xid
        returning at into v_at;
    end if;
    perform pg_notify('onesms_revocations', '');
    return v_at;
end $$;

CREATE FUNCTION public.ring_doorbell() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_advisory_unlock_shared(20307, 1);
    perform pg_notify('onesms_doorbell', '');
end $$;

CREATE FUNCTION public.schedule_redaction(p_order_id uuid, p_user_id uuid, p_seq bigint, p_closed_at timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into redactions (order_id, user_id, seqs, closed_at)
    values (p_order_id, p_user_id, array[p_seq], p_closed_at)
    on conflict (order_id) do update set seqs = redactions.seqs || p_seq, closed_at = p_closed_at
$$;

CREATE FUNCTION public.settle_ended_orders(p_user_id uuid, p_actor text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_ended record;
    v_refund numeric;
begin
    for v_ended in
        select h.transaction_id, h.amount, coalesce(a.status, r.status) as status,
               coalesce(a.service, r.service) as service
          from wallet_holds h
          left join activations a on a.id = h.activation_id and a.user_id = h.user_id
          left join rentals r on r.id = h.rental_id and r.user_id = h.user_id
         where h.user_id = p_user_id and h.state = 'held'
           and coalesce(a.status, r.status) not in ('ordering', 'pending', 'active')
         order by h.frozen_number, h.transaction_id
    loop
        if exists (select from users where id = p_user_id and frozen_balance < v_ended.amount) then
            perform restate_frozen(p_user_id, p_actor);
        end if;
        v_refund := refund_due(v_ended.status, v_ended.service, v_ended.amount);
        perform settle_hold(case v_refund when 0 then 'commit' else 'refund' end, p_user_id, null, null,
                            v_ended.transaction_id, format('correction: the order is %s', v_ended.status),
                            nullif(v_refund, 0), p_actor);
    end loop;
end $$;

CREATE FUNCTION public.settle_hold(p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    v_user users;
    v_hold wallet_holds;
    v_state text := case p_type when 'commit' then 'committed' else 'refunded' end;
    v_locked boolean := p_activation_id is not null or p_rental_id is not null;
    v_transaction_id text;
    v_amount numeric;
    v_rest numeric;
    v_result jsonb;
begin
    if p_amount is not null then
        perform check_amount(p_amount);
    end if;
    if (length(p_transaction_id) between 1 and 255) is false then
        perform check_key('p_transaction_id', p_transaction_id);
    end if;
    if length(p_reason) > 1000 or length(p_actor) > 1000 then
        perform check_remarks(p_reason, p_actor);
    end if;
    if v_locked then  -- which of an order's holds is meant may change until then
        perform lock_user_wallet(p_user_id);
    end if;
    loop
        v_hold := find_hold(p_user_id, p_activation_id, p_rental_id, p_transaction_id);
        v_transaction_id := coalesce(p_transaction_id, v_hold.transaction_id);
        v_amount := coalesce(round(p_amount, 2), v_hold.amount);
        v_rest := v_hold.amount - v_amount;
        if v_hold.state = 'held' and v_rest < 0 then
            raise exception using errcode = 'OS006',
                message = format('expected at most the hold''s %s, got %s', v_hold.amount, v_amount),
                detail = jsonb_build_object('amount', v_amount::text, 'held', v_hold.amount::text)::text;
        elsif v_hold.state = 'held' then
            update users
               set balance = balance - case p_type when 'commit' then v_amount else 0 end,
                   frozen_balance = frozen_balance - v_amount,
                   operation_number = operation_number + 1, event_seq = event_seq + 1
             where id = p_user_id and (frozen_balance >= v_hold.amount or v_locked)
            returning * into v_user;
            if found then
                if v_transaction_id <> v_hold.transaction_id then
                    perform claim_settlement_id(v_transaction_id);
                end if;
                update wallet_holds
                   set state = v_state, settled_at = now(), settled_by = v_transaction_id,
                       settled_number = v_user.operation_number,
                       committed_amount = case p_type when 'commit' then v_amount else v_rest end,
                       refunded_amount = case p_type when 'refund' then v_amount else v_rest end
                 where transaction_id = v_hold.transaction_id and state = 'held';
                exit when found;
                update users
                   set balance = balance + case p_type when 'commit' then v_amount else 0 end,
                       frozen_balance = frozen_balance + v_amount,
                       operation_number = operation_number - 1, event_seq = event_seq - 1
                 where id = p_user_id;
            end if;
        elsif v_locked and v_hold.transaction_id is null then
            raise exception using errcode = 'OS003',
                message = format('user %s has no hold for this activation, rental or transaction', p_user_id),
                detail = jsonb_build_object('user_id', p_user_id, 'activation_id', p_activation_id,
                                            'rental_id', p_rental_id, 'transaction_id', p_transaction_id)::text;
        elsif v_locked then
            return replay_settlement(v_hold, v_state, v_transaction_id, v_amount);
        end if;
        -- It has ended, or somebody is freezing or ending it: the lock tells.
        perform lock_user_wallet(p_user_id);
        v_locked := true;
    end loop;
    v_result := append_operation(v_user, p_type, v_amount, v_transaction_id, p_reason, p_actor,
                                 v_hold.transaction_id, v_hold.activation_id, v_hold.rental_id);
    if v_rest > 0 then
        update users
           set balance = balance - case p_type when 'refund' then v_rest else 0 end,
               frozen_balance = frozen_balance - v_rest,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id
        returning * into v_user;
        v_result := v_result || jsonb_build_object(
            'balance', v_user.balance::text, 'frozen', v_user.frozen_balance::text,
            'available', (v_user.balance - v_user.frozen_balance)::text);
        perform append_operation(v_user, case p_type when 'commit' then 'refund' else 'commit' end, v_rest,
                                 v_transaction_id, format('rest: %s', p_reason), p_actor,
                                 v_hold.transaction_id, v_hold.activation_id, v_hold.rental_id);
    end if;
    -- Last, because this tells the user, too, and events are written in the order of their seq.
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
           and not exists (select from wallet_holds where rental_id = v_hold.rental_id and state = 'held');
    end if;
    return v_result;
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
declare
    v_facts jsonb;
    v_closed_at timestamptz;
    v_seq bigint;
begin
    select jsonb_build_object('phone', o.phone, 'service', o.service, 'country', o.country), o.closed_at
      into v_facts, v_closed_at
      from (select phone, service, country, closed_at from activations where id = new.activation_id
             union all
            select phone, service, country, closed_at from rentals where id = new.rental_id) o;
    v_seq := append_event(new.user_id, 'sms.received', v_facts || jsonb_build_object(
        'activation_id', new.activation_id, 'rental_id', new.rental_id, 'code', new.code, 'text', new.text,
        'received_at', iso_utc(new.received_at)));
    perform schedule_redaction(coalesce(new.activation_id, new.rental_id), new.user_id, v_seq, v_closed_at);
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

CREATE FUNCTION public.wallet_health(p_user_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return jsonb_build_object(
        'user_id', user_id, 'status', status, 'problem', problem, 'balance', balance::text,
        'frozen', frozen_balance::text, 'available', available::text, 'held', held::text,
        'held_for_orders', held_for_orders::text, 'ordered', ordered::text)
      from v_frozen_balance_health where user_id = p_user_id;
end $$;

CREATE FUNCTION public.wallet_json(p_user public.users) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select jsonb_build_object('balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text,
                              'available', (p_user.balance - p_user.frozen_balance)::text)
$$;

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
    at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02');

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
    type text,
    order_id uuid,
    CONSTRAINT receipts_transport_known CHECK ((transport = ANY (ARRAY['ws'::text, 'http'::text])))
);

CREATE TABLE public.redactions (
    order_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seqs bigint[] NOT NULL,
    closed_at timestamp with time zone
)
WITH (fillfactor='70');

CREATE TABLE public.revocations (
    user_id uuid,
    token_id text,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    xid xid8 NOT NULL,
    CONSTRAINT revocations_of_a_user_or_a_token CHECK ((num_nonnulls(user_id, token_id) = 1)),
    CONSTRAINT revocations_token_id_is_short CHECK (((length(token_id) >= 1) AND (length(token_id) <= 200)))
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
    ELSE ((((value)::numeric >= (0)::numeric) AND ((value)::numeric <= (100)::numeric)) AND ((value)::numeric = trunc((value)::numeric)))
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

CREATE UNLOGGED TABLE public.tickets (
    digest bytea NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    token_id text NOT NULL,
    issued_at double precision NOT NULL,
    token_expires_at double precision NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE VIEW public.v_frozen_balance_health WITH (security_invoker='true') AS
 SELECT user_id,
    balance,
    frozen_balance,
    (balance - frozen_balance) AS available,
    held,
    held_for_orders,
    ordered,
        CASE
            WHEN ((balance < (0)::numeric) OR (frozen_balance < (0)::numeric) OR (frozen_balance > balance)) THEN 'CRITICAL'::text
            WHEN ((frozen_balance <> held) OR (held_for_orders <> ordered)) THEN 'WARNING'::text
            ELSE 'OK'::text
        END AS status,
    NULLIF(concat_ws('; '::text,
        CASE
            WHEN (balance < (0)::numeric) THEN format('balance is %s'::text, balance)
            ELSE NULL::text
        END,
        CASE
            WHEN (frozen_balance < (0)::numeric) THEN format('frozen is %s'::text, frozen_balance)
            ELSE NULL::text
        END,
        CASE
            WHEN (frozen_balance > balance) THEN format('frozen is %s of a balance of %s'::text, frozen_balance, balance)
            ELSE NULL::text
        END,
        CASE
            WHEN (frozen_balance <> held) THEN format('frozen is %s, open holds are %s'::text, frozen_balance, held)
            ELSE NULL::text
        END,
        CASE
            WHEN (held_for_orders <> ordered) THEN format('holds for orders are %s, open orders are %s'::text, held_for_orders, ordered)
            ELSE NULL::text
        END), ''::text) AS problem
   FROM ( SELECT u.id AS user_id,
            u.balance,
            u.frozen_balance,
            COALESCE(h.held, 0.00) AS held,
            COALESCE((h.held - COALESCE(h.held_for_none, 0.00)), 0.00) AS held_for_orders,
            (COALESCE(a.ordered, 0.00) + COALESCE(r.ordered, 0.00)) AS ordered
           FROM (((public.users u
             LEFT JOIN ( SELECT wallet_holds.user_id,
                    sum(wallet_holds.amount) AS held,
                    sum(wallet_holds.amount) FILTER (WHERE ((wallet_holds.activation_id IS NULL) AND (wallet_holds.rental_id IS NULL))) AS held_for_none
                   FROM public.wallet_holds
                  WHERE (wallet_holds.state = 'held'::text)
                  GROUP BY wallet_holds.user_id) h ON ((h.user_id = u.id)))
             LEFT JOIN ( SELECT activations.user_id,
                    sum(activations.frozen_amount) AS ordered
                   FROM public.activations
                  WHERE (activations.frozen_amount > (0)::numeric)
                  GROUP BY activations.user_id) a ON ((a.user_id = u.id)))
             LEFT JOIN ( SELECT rentals.user_id,
                    sum(rentals.frozen_amount) AS ordered
                   FROM public.rentals
                  WHERE (rentals.frozen_amount > (0)::numeric)
                  GROUP BY rentals.user_id) r ON ((r.user_id = u.id)))) wallets;

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_provider_order_is_unique UNIQUE (provider, provider_order_id);

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_adjust_moves_balance CHECK (((type <> 'adjust'::text) OR public.adjust_moves_balance(balance_operations.*)));

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_commit_spends_frozen CHECK (((type <> 'commit'::text) OR public.commit_spends_frozen(balance_operations.*)));

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_correct_restates_frozen CHECK (((type <> 'correct'::text) OR public.correct_restates_frozen(balance_operations.*)));

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_deposit_adds_to_balance CHECK (((type <> 'deposit'::text) OR public.deposit_adds_to_balance(balance_operations.*)));

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_freeze_moves_available_to_frozen CHECK (((type <> 'freeze'::text) OR public.freeze_moves_available_to_frozen(balance_operations.*)));

ALTER TABLE ONLY public.balance_operations
    ADD CONSTRAINT balance_operations_pkey PRIMARY KEY (user_id, number);

ALTER TABLE public.balance_operations
    ADD CONSTRAINT balance_operations_refund_moves_frozen_to_available CHECK (((type <> 'refund'::text) OR public.refund_moves_frozen_to_available(balance_operations.*)));

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_code_is_unique UNIQUE (code);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (country);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_id_is_unique UNIQUE (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.periodic_jobs
    ADD CONSTRAINT periodic_jobs_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.redactions
    ADD CONSTRAINT redactions_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_provider_order_is_unique UNIQUE (provider, provider_order_id);

ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_once_per_token UNIQUE (token_id);

ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_once_per_user UNIQUE (user_id);

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

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_is_unique UNIQUE (name);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_pkey PRIMARY KEY (transaction_id);

CREATE INDEX activations_due ON public.activations USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX activations_frozen ON public.activations USING btree (user_id) INCLUDE (frozen_amount) WHERE (frozen_amount > (0)::numeric);

CREATE INDEX activations_of_user ON public.activations USING btree (user_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX balance_operations_once_per_transaction ON public.balance_operations USING btree (transaction_id, type) WHERE (type = ANY (ARRAY['deposit'::text, 'adjust'::text, 'correct'::text]));

CREATE INDEX redactions_due ON public.redactions USING btree (closed_at) WHERE (closed_at IS NOT NULL);

CREATE INDEX rentals_due ON public.rentals USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX rentals_frozen ON public.rentals USING btree (user_id) INCLUDE (frozen_amount) WHERE (frozen_amount > (0)::numeric);

CREATE INDEX rentals_of_user ON public.rentals USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX revocations_by_age ON public.revocations USING btree (at);

CREATE INDEX revocations_by_xid ON public.revocations USING btree (xid);

CREATE INDEX system_logs_alerts ON public.system_logs USING btree (((data ->> 'user_id'::text)), at DESC) WHERE (level = 'critical'::text);

CREATE INDEX system_logs_by_time ON public.system_logs USING btree (at DESC);

CREATE INDEX tickets_by_end ON public.tickets USING btree (expires_at);

CREATE INDEX tickets_by_user ON public.tickets USING btree (user_id, expires_at);

CREATE INDEX wallet_holds_expiring ON public.wallet_holds USING btree (expires_at) WHERE ((state = 'held'::text) AND (expires_at IS NOT NULL));

CREATE INDEX wallet_holds_of_activation ON public.wallet_holds USING btree (activation_id) WHERE (activation_id IS NOT NULL);

CREATE INDEX wallet_holds_of_rental ON public.wallet_holds USING btree (rental_id) WHERE (rental_id IS NOT NULL);

CREATE INDEX wallet_holds_open ON public.wallet_holds USING btree (user_id) INCLUDE (amount, activation_id, rental_id) WHERE (state = 'held'::text);

CREATE UNIQUE INDEX wallet_holds_settled_by_is_unique ON public.wallet_holds USING btree (settled_by) WHERE (settled_by <> transaction_id);

CREATE TRIGGER activations_append_event_created AFTER INSERT ON public.activations FOR EACH ROW EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_append_event_updated AFTER UPDATE ON public.activations FOR EACH ROW WHEN (((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.expires_at IS DISTINCT FROM old.expires_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.cancel_allowed_at IS DISTINCT FROM old.cancel_allowed_at)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_refuse_unknown_transition BEFORE UPDATE OF status ON public.activations FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER balance_operations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.balance_operations FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER rentals_append_event_created AFTER INSERT ON public.rentals FOR EACH ROW EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_append_event_updated AFTER UPDATE ON public.rentals FOR EACH ROW WHEN ((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.ends_at IS DISTINCT FROM old.ends_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_refuse_unknown_transition BEFORE UPDATE OF status ON public.rentals FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER sms_messages_append_event AFTER INSERT ON public.sms_messages FOR EACH ROW EXECUTE FUNCTION public.sms_messages_append_event();

CREATE TRIGGER users_are_kept BEFORE DELETE OR TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER users_begin_empty BEFORE INSERT ON public.users FOR EACH ROW WHEN (((new.balance <> (0)::numeric) OR (new.frozen_balance <> (0)::numeric) OR (new.operation_number <> 0))) EXECUTE FUNCTION public.refuse_unaudited_change();

CREATE TRIGGER users_change_by_operation AFTER UPDATE OF balance, frozen_balance ON public.users FOR EACH ROW WHEN ((new.operation_number = old.operation_number)) EXECUTE FUNCTION public.refuse_unaudited_change();

CREATE TRIGGER wallet_holds_end_once_and_whole AFTER UPDATE ON public.wallet_holds FOR EACH ROW EXECUTE FUNCTION public.refuse_second_end();

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

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

ALTER TABLE public.activations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.balance_operations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.receipts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rentals ENABLE ROW LEVEL SECURITY;

CREATE POLICY services_see_all ON public.activations TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.balance_operations TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.events TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.receipts TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.rentals TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.sms_messages TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.users TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.wallet_holds TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

ALTER TABLE public.sms_messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

CREATE POLICY users_see_their_own ON public.activations FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.balance_operations FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.events FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.receipts FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.rentals FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.sms_messages FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.users FOR SELECT TO onesms_user USING ((id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.wallet_holds FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

ALTER TABLE public.wallet_holds ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO onesms_gateway;
GRANT USAGE ON SCHEMA public TO onesms_pollers;
GRANT USAGE ON SCHEMA public TO onesms_notifier;
GRANT USAGE ON SCHEMA public TO onesms_operator;
GRANT USAGE ON SCHEMA public TO onesms_wallet;
GRANT USAGE ON SCHEMA public TO onesms_user;

REVOKE ALL ON FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.acting(p_actor text) FROM PUBLIC;

GRANT SELECT ON TABLE public.activations TO onesms_gateway;
GRANT SELECT ON TABLE public.activations TO onesms_operator;

GRANT SELECT(id) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(id) ON TABLE public.activations TO onesms_user;

GRANT SELECT(user_id) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(user_id) ON TABLE public.activations TO onesms_user;

GRANT SELECT(service) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(service) ON TABLE public.activations TO onesms_user;

GRANT SELECT(country) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(country) ON TABLE public.activations TO onesms_user;

GRANT SELECT(status) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(status) ON TABLE public.activations TO onesms_user;

GRANT SELECT(price) ON TABLE public.activations TO onesms_user;

GRANT SELECT(frozen_amount) ON TABLE public.activations TO onesms_pollers;
GRANT SELECT(frozen_amount) ON TABLE public.activations TO onesms_user;

GRANT SELECT(idempotency_key) ON TABLE public.activations TO onesms_user;

GRANT SELECT(provider) ON TABLE public.activations TO onesms_pollers;

GRANT SELECT(provider_order_id) ON TABLE public.activations TO onesms_pollers;

GRANT SELECT(phone) ON TABLE public.activations TO onesms_user;

GRANT SELECT(error_code) ON TABLE public.activations TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.activations TO onesms_user;

GRANT SELECT(purchase_started_at) ON TABLE public.activations TO onesms_pollers;

GRANT SELECT(purchased_at) ON TABLE public.activations TO onesms_user;

GRANT SELECT(expires_at) ON TABLE public.activations TO onesms_user;

GRANT SELECT(cancel_requested_at) ON TABLE public.activations TO onesms_user;

GRANT SELECT(cancel_allowed_at) ON TABLE public.activations TO onesms_user;

GRANT SELECT(closed_at) ON TABLE public.activations TO onesms_user;

REVOKE ALL ON FUNCTION public.activation_json(p_activation public.activations) FROM PUBLIC;
GRANT ALL ON FUNCTION public.activation_json(p_activation public.activations) TO onesms_gateway;
GRANT ALL ON FUNCTION public.activation_json(p_activation public.activations) TO onesms_operator;

REVOKE ALL ON FUNCTION public.activations_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.operation_type_is_known(p_type text) FROM PUBLIC;

REVOKE ALL ON TABLE public.balance_operations FROM postgres;
GRANT SELECT,INSERT,REFERENCES,TRIGGER,MAINTAIN ON TABLE public.balance_operations TO postgres;
GRANT SELECT ON TABLE public.balance_operations TO onesms_gateway;
GRANT SELECT ON TABLE public.balance_operations TO onesms_operator;
GRANT SELECT ON TABLE public.balance_operations TO onesms_wallet;

GRANT SELECT(user_id) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(number) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(type) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(amount) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(balance_before) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(balance_after) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(frozen_before) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(frozen_after) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(available_before) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(available_after) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(transaction_id) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(hold_transaction_id) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(activation_id) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(rental_id) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(reason) ON TABLE public.balance_operations TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.balance_operations TO onesms_user;

REVOKE ALL ON FUNCTION public.adjust_moves_balance(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.alert_wallet(p_health jsonb, p_refusal text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.append_event(p_user_id uuid, p_type text, p_payload jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE public.users TO onesms_gateway;
GRANT SELECT ON TABLE public.users TO onesms_operator;
GRANT SELECT ON TABLE public.users TO onesms_user;
GRANT SELECT ON TABLE public.users TO onesms_wallet;

GRANT INSERT(id) ON TABLE public.users TO onesms_gateway;
GRANT INSERT(id) ON TABLE public.users TO onesms_operator;
GRANT SELECT(id) ON TABLE public.users TO onesms_pollers;

GRANT INSERT(name) ON TABLE public.users TO onesms_gateway;
GRANT INSERT(name) ON TABLE public.users TO onesms_operator;

GRANT SELECT(balance) ON TABLE public.users TO onesms_pollers;

GRANT SELECT(frozen_balance) ON TABLE public.users TO onesms_pollers;

REVOKE ALL ON FUNCTION public.append_operation(p_user public.users, p_type text, p_amount numeric, p_transaction_id text, p_reason text, p_actor text, p_hold_transaction_id text, p_activation_id uuid, p_rental_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.atomic_adjust(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_adjust(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_operator;

REVOKE ALL ON FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_operator;
GRANT ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.change_balance(p_type text, p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_amount(p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_hold_order(p_user_id uuid, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_key(p_argument text, p_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_remarks(p_reason text, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

GRANT SELECT ON TABLE public.periodic_jobs TO onesms_gateway;
GRANT SELECT ON TABLE public.periodic_jobs TO onesms_operator;
GRANT SELECT ON TABLE public.periodic_jobs TO onesms_pollers;

GRANT UPDATE(every) ON TABLE public.periodic_jobs TO onesms_operator;

GRANT UPDATE(due_at) ON TABLE public.periodic_jobs TO onesms_operator;

REVOKE ALL ON FUNCTION public.claim_periodic_jobs(p_names text[], p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_periodic_jobs(p_names text[], p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_settlement_id(p_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.claimed_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.claimed_user_id() TO onesms_user;

REVOKE ALL ON FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.commit_spends_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.correct_restates_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.deposit_adds_to_balance(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

GRANT SELECT ON TABLE public.wallet_holds TO onesms_operator;
GRANT SELECT ON TABLE public.wallet_holds TO onesms_user;
GRANT SELECT ON TABLE public.wallet_holds TO onesms_wallet;

GRANT SELECT(user_id) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(amount) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(state) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(activation_id) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(rental_id) ON TABLE public.wallet_holds TO onesms_pollers;

REVOKE ALL ON FUNCTION public.find_hold(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_events(p_kept interval, p_limit integer, p_after bigint, p_now timestamp with time zone, OUT forgotten bigint, OUT last_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_events(p_kept interval, p_limit integer, p_after bigint, p_now timestamp with time zone, OUT forgotten bigint, OUT last_id bigint) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_revocations(p_lifetime interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_revocations(p_lifetime interval, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.freeze_moves_available_to_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_notifier;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_user;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.lock_activation(p_activation_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) TO onesms_operator;
GRANT ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.new_epoch() FROM PUBLIC;
GRANT ALL ON FUNCTION public.new_epoch() TO onesms_operator;

REVOKE ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) FROM PUBLIC;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_gateway;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_operator;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.operation_result(p_operation public.balance_operations, p_last public.balance_operations, p_replayed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.redact_events(p_closed_for interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.redact_events(p_closed_for interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.redacted_json(p_payload jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refund_due(p_status text, p_service text, p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refund_moves_frozen_to_available(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.refuse_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_mismatch(p_transaction_id text, p_field text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_rewriting() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_second_end() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unaudited_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unknown_transition() FROM PUBLIC;

GRANT SELECT ON TABLE public.rentals TO onesms_gateway;
GRANT SELECT ON TABLE public.rentals TO onesms_operator;

GRANT SELECT(id) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(user_id) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(user_id) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(service) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(country) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(status) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(hours) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(price) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(frozen_amount) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(frozen_amount) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(idempotency_key) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(phone) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(error_code) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(purchased_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(ends_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(cancel_requested_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(closed_at) ON TABLE public.rentals TO onesms_user;

REVOKE ALL ON FUNCTION public.rental_json(p_rental public.rentals) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rental_json(p_rental public.rentals) TO onesms_gateway;
GRANT ALL ON FUNCTION public.rental_json(p_rental public.rentals) TO onesms_operator;

REVOKE ALL ON FUNCTION public.rentals_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.replay_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.replay_settlement(p_hold public.wallet_holds, p_state text, p_transaction_id text, p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.restate_frozen(p_user_id uuid, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.ring_doorbell() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.schedule_redaction(p_order_id uuid, p_user_id uuid, p_seq bigint, p_closed_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.settle_ended_orders(p_user_id uuid, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.settle_hold(p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_gateway;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_operator;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_user;

REVOKE ALL ON FUNCTION public.sms_messages_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) TO onesms_gateway;
GRANT ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) TO onesms_operator;

REVOKE ALL ON FUNCTION public.wallet_health(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.wallet_health(p_user_id uuid) TO onesms_operator;

REVOKE ALL ON FUNCTION public.wallet_json(p_user public.users) FROM PUBLIC;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_gateway;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_operator;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_user;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_wallet;

GRANT SELECT ON TABLE public.countries TO onesms_gateway;
GRANT SELECT ON TABLE public.countries TO onesms_operator;
GRANT SELECT ON TABLE public.countries TO onesms_user;

GRANT SELECT ON TABLE public.events TO onesms_gateway;
GRANT SELECT ON TABLE public.events TO onesms_notifier;
GRANT SELECT ON TABLE public.events TO onesms_operator;
GRANT SELECT ON TABLE public.events TO onesms_user;

GRANT SELECT ON TABLE public.receipts TO onesms_gateway;
GRANT SELECT ON TABLE public.receipts TO onesms_operator;
GRANT SELECT ON TABLE public.receipts TO onesms_user;

GRANT INSERT(user_id) ON TABLE public.receipts TO onesms_gateway;

GRANT INSERT(seq) ON TABLE public.receipts TO onesms_gateway;

GRANT INSERT(transport) ON TABLE public.receipts TO onesms_gateway;

GRANT INSERT(type) ON TABLE public.receipts TO onesms_gateway;

GRANT INSERT(order_id) ON TABLE public.receipts TO onesms_gateway;

GRANT SELECT ON TABLE public.revocations TO onesms_gateway;
GRANT SELECT ON TABLE public.revocations TO onesms_operator;

GRANT SELECT ON TABLE public.schema_migrations TO onesms_gateway;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_pollers;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_notifier;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_operator;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_wallet;

GRANT SELECT ON TABLE public.services TO onesms_gateway;
GRANT SELECT ON TABLE public.services TO onesms_operator;
GRANT SELECT ON TABLE public.services TO onesms_user;

GRANT UPDATE(price) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(timeout_refund_percent) ON TABLE public.services TO onesms_operator;

GRANT SELECT ON TABLE public.settings TO onesms_gateway;
GRANT SELECT ON TABLE public.settings TO onesms_notifier;
GRANT SELECT ON TABLE public.settings TO onesms_operator;

GRANT UPDATE(value) ON TABLE public.settings TO onesms_operator;

GRANT UPDATE(updated_at) ON TABLE public.settings TO onesms_operator;

GRANT SELECT ON TABLE public.sms_messages TO onesms_gateway;
GRANT SELECT ON TABLE public.sms_messages TO onesms_operator;
GRANT SELECT ON TABLE public.sms_messages TO onesms_user;

GRANT SELECT ON TABLE public.system_logs TO onesms_operator;

GRANT INSERT(level) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(source) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(message) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(data) ON TABLE public.system_logs TO onesms_pollers;

GRANT SELECT,INSERT,DELETE ON TABLE public.tickets TO onesms_gateway;

GRANT SELECT ON TABLE public.v_frozen_balance_health TO onesms_operator;
GRANT SELECT ON TABLE public.v_frozen_balance_health TO onesms_pollers;
