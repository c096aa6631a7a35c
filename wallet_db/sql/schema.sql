-- The schema that all migrations, functions, triggers and privileges make together, for reading and for comparing.
-- Written by `make schema`; nothing runs it, and a test fails when it is not what the migrations make.

CREATE FUNCTION public.abandon_card_action(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update cards set action_started_at = null, due_at = p_due_at
     where id = p_card_id and wanted_action is not null and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.abandon_card_creation(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    update card_fundings set begun_at = null
     where card_id = p_card_id and kind = 'creation' and status = 'ordering';
    if not found then
        return false;
    end if;
    update cards set due_at = p_due_at where id = p_card_id;
    return true;
end $$;

CREATE FUNCTION public.abandon_card_customer(p_customer_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_customers set submitted_at = null, due_at = p_due_at
     where id = p_customer_id and status = 'submitting' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.abandon_card_funding(p_funding_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_fundings set begun_at = null, seen = null, due_at = p_due_at
     where id = p_funding_id and kind = 'funding' and status = 'ordering'
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.abandon_extension(p_rental_id uuid, p_started_at timestamp with time zone, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update rentals
       set extension_started_at = null, extension_cost = null,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else now() end
     where id = p_rental_id and extension_status = 'requested' and extension_started_at = p_started_at;
    return found;
end $$;

CREATE FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone, p_outcome text DEFAULT 'PROVIDER_UNAVAILABLE'::text, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_number integer;
begin
    update activations
       set purchase_started_at = null, provider = null,
           due_at = case when cancel_requested_at is null then p_due_at else p_now end
     where id = p_activation_id and status = 'ordering' and due_at = coalesce(p_leased_until, due_at)
    returning attempts into v_number;
    if not found then
        return false;
    end if;
    update route_attempts set ended_at = p_now, outcome = p_outcome
     where activation_id = p_activation_id and number = v_number and outcome is null;
    return true;
end $$;

CREATE FUNCTION public.abandon_rental_purchase(p_rental_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update rentals
       set purchase_started_at = null, provider = null, purchase_seen = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_rental_id and status = 'ordering' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.accept_card_funding(p_funding_id uuid, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    if v_funding.kind <> 'funding' or v_funding.status <> 'ordering' or v_funding.begun_at is null then
        return false;
    end if;
    perform act_on_card('provider', (select provider from cards where id = v_funding.card_id));
    update card_fundings
       set status = 'pending', accepted_at = p_now, provider_reference = p_reference, due_at = p_due_at
     where id = p_funding_id;
    return true;
end $$;

CREATE FUNCTION public.acknowledge_break(p_user_id uuid, p_number bigint, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_user users := lock_user_wallet(p_user_id);
    v_operation balance_operations;
    v_before balance_operations;
    v_acknowledged acknowledged_breaks;
begin
    perform check_reason(p_reason);
    select * into v_acknowledged from acknowledged_breaks where user_id = v_user.id and number = p_number;
    if not found then
        select * into v_operation from balance_operations where user_id = v_user.id and number = p_number;
        if not found then
            raise exception using errcode = 'OS014', message = format('the user has no operation %s', p_number),
                detail = '{"argument": "p_number"}';
        end if;
        select * into v_before from balance_operations where user_id = v_user.id and number = p_number - 1;
        if (not found and p_number > 1)
           or (v_operation.balance_before = coalesce(v_before.balance_after, 0)
               and (v_operation.type = 'correct' or v_operation.frozen_before = coalesce(v_before.frozen_after, 0)))
        then
            raise exception using errcode = 'OS014',
                message = format('expected an operation that does not begin where the one before it ended, got %s',
                                 p_number),
                detail = '{"argument": "p_number"}';
        end if;
        insert into acknowledged_breaks (user_id, number, balance_difference, frozen_difference, reason, actor,
                                         acknowledged_at)
        values (v_user.id, p_number, v_operation.balance_before - coalesce(v_before.balance_after, 0),
                v_operation.frozen_before - coalesce(v_before.frozen_after, 0), p_reason, acting(), p_now)
        returning * into v_acknowledged;
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'acknowledge_break', 'an operator acknowledged a break of the audit',
                jsonb_build_object('user_id', v_user.id, 'number', p_number, 'reason', p_reason,
                    'actor', v_acknowledged.actor, 'balance_difference', v_acknowledged.balance_difference::text,
                    'frozen_difference', v_acknowledged.frozen_difference::text));
    end if;
    return jsonb_build_object(
        'user_id', v_acknowledged.user_id, 'number', v_acknowledged.number,
        'balance_difference', v_acknowledged.balance_difference::text,
        'frozen_difference', v_acknowledged.frozen_difference::text, 'reason', v_acknowledged.reason,
        'actor', v_acknowledged.actor, 'acknowledged_at', iso_utc(v_acknowledged.acknowledged_at));
end $$;

CREATE FUNCTION public.act_on_card(p_actor_type text, p_actor_id text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_by_hand boolean := current_setting('role') = 'onesms_operator' and p_actor_type <> 'operator';
begin
    perform set_config('onesms.card_actor_type', case when v_by_hand then 'operator' else p_actor_type end, true),
            set_config('onesms.card_actor_id', case when v_by_hand or p_actor_id is null then acting()
                                                    else p_actor_id end, true);
end $$;

CREATE FUNCTION public.acting(p_actor text DEFAULT NULL::text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select concat_ws(':', case current_setting('role') when 'none' then session_user::text
                                                       else current_setting('role') end,
                     nullif(left(current_setting('onesms.actor', true), 1000), ''), p_actor)
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
    attempts integer DEFAULT 0 NOT NULL,
    another_sms_requested_at timestamp with time zone,
    another_sms_asked_at timestamp with time zone,
    finish_requested_at timestamp with time zone,
    check_requested_at timestamp with time zone,
    checked_at timestamp with time zone,
    hinted_at timestamp with time zone,
    max_price numeric(14,2),
    retry_countries text[],
    retry_of uuid,
    retry_number integer,
    retried_by uuid,
    retry_refused text,
    waiting_arm_id integer,
    waits_until timestamp with time zone,
    late_sms_at timestamp with time zone,
    request_id text,
    request_digest bytea,
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
        'another_sms', case when p_activation.closed_at is not null then null
                            when p_activation.another_sms_requested_at is not null then 'requested'
                            when p_activation.another_sms_asked_at is not null then 'waiting' end,
        'finish_requested', p_activation.finish_requested_at is not null and p_activation.closed_at is null,
        'error_code', p_activation.error_code,
        'retry_on_timeout', case when p_activation.retry_countries is not null then
            jsonb_build_object('countries', p_activation.retry_countries) end,
        'retry_of', p_activation.retry_of, 'retried_by', p_activation.retried_by,
        'retry_refused', p_activation.retry_refused,
        'request_id', p_activation.request_id, 'created_at', iso_utc(p_activation.created_at),
        'waits_until', iso_utc(coalesce(p_activation.waits_until, p_activation.expires_at)),
        'expires_at', iso_utc(p_activation.expires_at), 'closed_at', iso_utc(p_activation.closed_at))
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

CREATE FUNCTION public.advance_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_after_id uuid, p_cards integer, p_moving integer, p_unread integer, p_beyond integer, p_usd_ours numeric, p_usd_theirs numeric) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_reconciliations
       set due_at = p_due_at, after_id = p_after_id, cards = cards + p_cards, moving = moving + p_moving,
           unread = unread + p_unread, beyond = beyond + p_beyond, usd_ours = usd_ours + p_usd_ours,
           usd_theirs = usd_theirs + p_usd_theirs
     where id = p_id and due_at = p_leased_until;
    return found;
end $$;

CREATE TABLE public.alerts (
    id bigint NOT NULL,
    key text NOT NULL,
    level text NOT NULL,
    source text NOT NULL,
    message text NOT NULL,
    data jsonb NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    times bigint NOT NULL,
    closed_at timestamp with time zone,
    closed_by text,
    CONSTRAINT alerts_closed_by_known CHECK ((closed_by = ANY (ARRAY['ended'::text, 'quiet'::text]))),
    CONSTRAINT alerts_closed_by_when_closed CHECK (((closed_by IS NULL) OR (closed_at IS NOT NULL))),
    CONSTRAINT alerts_level_known CHECK ((level = ANY (ARRAY['warning'::text, 'error'::text, 'critical'::text]))),
    CONSTRAINT alerts_times_positive CHECK ((times > 0))
)
WITH (fillfactor='70');

CREATE FUNCTION public.alert_lasts(p_alert public.alerts, p_now timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_data jsonb := p_alert.data;
begin
    if p_alert.source = 'correct_frozen_balance' then
        return coalesce(wallet_health((v_data ->> 'user_id')::uuid) ->> 'status' <> 'OK', false);
    elsif p_alert.source = 'judge_routes' and v_data ? 'provider' then
        return exists (select from routes r
                        where r.provider = v_data ->> 'provider' and r.service = v_data ->> 'service'
                          and r.country = v_data ->> 'country' and r.state = v_data ->> 'after'
                          and r.decided_by = 'rule');
    elsif p_alert.source = 'judge_routes' then
        return exists (select from services s where s.service = v_data ->> 'service' and s.warned_at is not null
                          and s.decided_by = 'rule');
    elsif p_alert.source = 'tell_overdue' then
        return exists (select from activations a
                        where a.due_at is not null and coalesce(a.provider, '') = v_data ->> 'provider'
                          and coalesce(a.expires_at, a.created_at) < p_alert.last_at)
            or exists (select from rentals r
                        where r.due_at is not null and coalesce(r.provider, '') = v_data ->> 'provider'
                          and coalesce(r.ends_at, r.created_at) < p_alert.last_at);
    elsif p_alert.message = 'PROVIDER_NOT_ANSWERING' then
        return case when exists (select from system_logs l
                                  where l.at > p_alert.last_at and l.message = 'PROVIDER_ANSWERS_AGAIN'
                                    and l.data ->> 'provider' = v_data ->> 'provider') then false
                    when p_alert.last_at + make_interval(secs => coalesce((v_data ->> 'pause_s')::float8, 0) + 60)
                         > p_now then true end;
    elsif p_alert.message = 'NUMBER_MAY_BE_SOLD' and v_data ? 'activation_id' then
        return exists (select from numbers_in_doubt n where n.provider = v_data ->> 'provider');
    elsif v_data ->> 'until' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d' then
        return case when (v_data ->> 'until')::timestamptz > p_now then true end;
    end if;
    return null;
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

CREATE FUNCTION public.alerts_over(p_channel text, p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id bigint, level text, source text, message text, data jsonb, first_at timestamp with time zone, last_at timestamp with time zone, times bigint, told_times bigint, closed_at timestamp with time zone, closed_by text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select a.id, a.level, a.source, a.message, a.data, a.first_at, a.last_at, a.times, t.times, a.closed_at,
           coalesce(a.closed_by, 'quiet')
      from alert_tellings t
      join alerts a on a.id = t.alert_id
     where t.channel = p_channel and t.over_told_at is null and a.closed_at is not null
       and not exists (select from alert_channels c where c.channel = p_channel and c.try_at > p_now)
     order by a.closed_at, a.id
     limit p_limit
$$;

CREATE FUNCTION public.alerts_to_tell(p_channel text, p_quiet interval, p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id bigint, level text, source text, message text, data jsonb, first_at timestamp with time zone, last_at timestamp with time zone, times bigint, told_times bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select a.id, a.level, a.source, a.message, a.data, a.first_at, a.last_at, a.times, coalesce(t.times, 0)
      from alerts a
      left join alert_tellings t on t.alert_id = a.id and t.channel = p_channel
     where a.closed_at is null
       and (t.times is null or t.times < a.times and t.told_at <= p_now - p_quiet)
       and not exists (select from alert_channels c where c.channel = p_channel and c.try_at > p_now)
     order by array_position(array['critical', 'error', 'warning'], a.level), a.id
     limit p_limit
$$;

CREATE FUNCTION public.append_event(p_user_id uuid, p_type text, p_payload jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    v_seq bigint;
    v_rung boolean;
begin
    update users set event_seq = event_seq + 1 where id = p_user_id returning event_seq into v_seq;
    if v_seq is null then
        raise exception using errcode = 'OS002', message = format('no user %s', p_user_id),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
    insert into events (user_id, seq, type, payload) values (p_user_id, v_seq, p_type, p_payload);
    if pg_try_advisory_lock_shared(20307, 1) then
        v_rung := ring_doorbell(p_user_id, v_seq, p_type, p_payload);
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
    v_event jsonb := jsonb_build_object(
        'balance', p_user.balance::text, 'frozen', p_user.frozen_balance::text, 'available', v_available,
        'operation', p_type, 'amount', v_amount, 'transaction_id', p_transaction_id);
    v_rung boolean;
begin
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, hold_transaction_id, activation_id, rental_id, actor,
                                    reason)
    values (p_user.id, p_user.operation_number, p_type, p_amount, p_user.balance - v_balance_change, p_user.balance,
            p_user.frozen_balance - v_frozen_change, p_user.frozen_balance, p_transaction_id, p_hold_transaction_id,
            p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, p_type));
    insert into events (user_id, seq, type, payload)
    values (p_user.id, p_user.event_seq, 'balance.changed', v_event);
    if pg_try_advisory_lock_shared(20307, 1) then
        v_rung := ring_doorbell(p_user.id, p_user.event_seq, 'balance.changed', v_event);
    end if;
    return jsonb_build_object(
        'operation_number', p_user.operation_number, 'type', p_type, 'transaction_id', p_transaction_id,
        'hold_transaction_id', p_hold_transaction_id, 'user_id', p_user.id, 'activation_id', p_activation_id,
        'rental_id', p_rental_id, 'amount', v_amount, 'balance', p_user.balance::text,
        'frozen', p_user.frozen_balance::text, 'available', v_available, 'replayed', false);
end $$;

CREATE FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now(), p_actor text DEFAULT NULL::text) RETURNS text
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
    if p_provider_message_id is null and v_text in ('', v_code) then
        if exists (select from sms_messages where activation_id = p_activation_id and code = v_code) then
            return 'repeated';
        end if;
    elsif p_provider_message_id is null
          and num_nonnulls(v_activation.another_sms_requested_at, v_activation.another_sms_asked_at) = 0 then
        update sms_messages set provider_message_id = v_message_id
         where activation_id = p_activation_id and code = v_code and text in ('', code)
           and provider_message_id = md5(concat(code, '|', text));
        if found then
            return 'repeated';
        end if;
    end if;
    if v_activation.closed_at is not null then
        return apply_late_sms(v_activation, v_code, v_text, v_message_id, p_actor, p_now);
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (v_activation.user_id, p_activation_id, v_code, v_text, v_message_id, p_now);
    if v_activation.status <> 'received' then
        update activations
           set status = 'received', frozen_amount = 0, cancel_requested_at = null, cancel_allowed_at = null,
               error_code = null
         where id = p_activation_id;
        update route_attempts set sms_at = p_now
         where activation_id = p_activation_id and number = v_activation.attempts;
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => 'activation:' || p_activation_id, p_reason => 'SMS received',
                              p_actor => p_actor);
        perform settle_owed_sms(v_activation, p_actor, p_now);
    else
        update activations set another_sms_requested_at = null, another_sms_asked_at = null
         where id = p_activation_id
           and num_nonnulls(another_sms_requested_at, another_sms_asked_at) > 0;
    end if;
    return 'applied';
end $$;

CREATE FUNCTION public.apply_late_sms(p_activation public.activations, p_code text, p_text text, p_message_id text, p_actor text, p_now timestamp with time zone) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
    v_policy text := coalesce((select value #>> '{}' from settings where key = 'late_sms'), 'charge');
    -- An order that ended without an SMS has only such as came late.
    v_decided boolean := p_activation.status = 'completed'
                         or exists (select from sms_messages where activation_id = p_activation.id);
    v_amount numeric := refunded_of(p_activation.id);
    v_outcome text := 'applied';
    v_goes_on boolean;
begin
    if p_activation.status <> 'completed' then
        update activations set late_sms_at = p_now where id = p_activation.id and late_sms_at is null;
    end if;
    if not v_decided and v_amount > 0 and v_policy = 'ignore' then
        if p_activation.late_sms_at is null then  -- it is not kept, so it will be new at the next look, too
            insert into system_logs (at, level, source, message, data)
            values (p_now, 'warning', 'apply_late_sms', 'an SMS came for an order that is closed, and is not shown',
                    jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                                       'amount', v_amount::text, 'policy', v_policy, 'status', p_activation.status));
        end if;
        return 'closed';
    end if;
    insert into sms_messages (user_id, activation_id, code, text, provider_message_id, received_at)
    values (p_activation.user_id, p_activation.id, p_code, p_text, p_message_id, p_now);
    if v_decided then
        return v_outcome;
    end if;
    v_goes_on := stop_follower(p_activation, p_now);
    if v_amount > 0 then
        v_outcome := coalesce(case v_policy when 'charge' then charge_late_sms(p_activation, v_amount, p_actor) end,
                              case when v_policy = 'charge' and v_goes_on then 'owed' else 'given' end);
    end if;
    if v_outcome = 'given' then
        perform lose_late_sms(p_activation, v_amount, v_policy, p_now);
    end if;
    if p_activation.error_code is not distinct from 'REFUNDED_BY_OPERATOR' then
        if v_outcome = 'given' then
            return v_outcome;  -- the user hears of the SMS, and of nothing else
        end if;
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'warning', 'apply_late_sms', 'an SMS came for what an operator had refunded, and was charged',
                jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                                   'amount', v_amount::text, 'policy', v_policy));
    end if;
    update activations set error_code = case v_outcome when 'owed' then 'LATE_SMS_OWED' else 'LATE_SMS' end
     where id = p_activation.id;  -- which tells the user
    return v_outcome;
end $$;

CREATE FUNCTION public.apply_rental_sms(p_rental_id uuid, p_messages jsonb, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals;
    v_fresh jsonb;
    v_message jsonb;
    v_applied integer := 0;
begin
    select jsonb_agg(m order by place) into v_fresh
      from jsonb_array_elements(p_messages) with ordinality as told (m, place)
     where not exists (select from sms_messages
                        where rental_id = p_rental_id and provider_message_id = m ->> 'id');
    if v_fresh is null then
        return 0;  -- the usual case: a look that found nothing new locks nobody
    end if;
    v_rental := lock_rental(p_rental_id);
    if v_rental.status = 'ordering' then
        raise exception using errcode = 'OS008', message = format('rental %s has no number yet', p_rental_id),
            detail = jsonb_build_object('order_id', p_rental_id, 'from', 'ordering', 'to', 'active')::text;
    elsif v_rental.status in ('cancelled', 'failed') then
        insert into system_logs (level, source, message, data)
        values ('warning', 'apply_rental_sms', 'SMS came for a rental that is closed and paid back',
                jsonb_build_object('rental_id', p_rental_id, 'status', v_rental.status,
                                   'messages', jsonb_array_length(v_fresh)));
        return 0;
    end if;
    for v_message in
        select m from jsonb_array_elements(v_fresh) with ordinality as told (m, place)
         where not exists (select from sms_messages  -- again, under the lock
                            where rental_id = p_rental_id and provider_message_id = m ->> 'id')
         order by place
    loop
        insert into sms_messages (user_id, rental_id, code, text, provider_message_id, received_at)
        values (v_rental.user_id, p_rental_id, nullif(v_message ->> 'code', ''), coalesce(v_message ->> 'text', ''),
                v_message ->> 'id', p_now);
        v_applied := v_applied + 1;
    end loop;
    return v_applied;
end $$;

CREATE FUNCTION public.ask_card_reconciliation(p_provider text, p_correct boolean DEFAULT false, p_asked_by text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_id bigint;
begin
    if coalesce(p_provider, '') = '' then
        raise exception using errcode = 'OS014', message = 'p_provider: expected a provider of cards, got none',
            detail = '{"argument": "p_provider"}';
    end if;
    insert into card_reconciliations as r (provider, asked_by, asked_at, correct, due_at)
    values (p_provider, coalesce(p_asked_by, acting()), p_now, p_correct, p_now)
        on conflict (provider) where ended_at is null do update set correct = r.correct or excluded.correct
    returning id into v_id;
    return v_id;
end $$;

CREATE FUNCTION public.ask_card_refresh(p_card_id uuid, p_now timestamp with time zone DEFAULT now(), p_unless_since timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_is_new boolean;
begin
    with asked as (
        select id, refresh_asked_at is null as is_new from cards
         where id = p_card_id and closed_at is null and provider_card_id is not null
           and (p_unless_since is null
                or refresh_asked_at is null and coalesce(checked_at < p_unless_since, true))
           for no key update
    )
    update cards c
       set refresh_asked_at = p_now, due_at = case when asked.is_new then p_now else c.due_at end
      from asked where c.id = asked.id
    returning asked.is_new into v_is_new;
    if v_is_new then
        perform pg_notify('onesms_card_jobs', 'cards');
    elsif v_is_new is null and not exists (select from cards where id = p_card_id) then
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    return coalesce(v_is_new, false);
end $$;

CREATE FUNCTION public.ask_card_reveal(p_user_id uuid, p_card_id uuid, p_public_key bytea, p_wait interval DEFAULT '00:00:15'::interval, p_now timestamp with time zone DEFAULT now()) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards;
    v_reveal_id uuid;
begin
    if (length(p_public_key) = 32 and p_wait > interval '0' and p_wait <= interval '5 minutes') is not true then
        raise exception using errcode = 'OS014',
            message = 'expected a public key of 32 bytes, and to wait 5 minutes at most',
            detail = '{"argument": "p_public_key"}';
    elsif p_user_id is null then  -- which lock_card would take for anybody
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    v_card := lock_card(p_card_id, p_user_id);
    if v_card.status not in ('active', 'inactive', 'blocked') then
        perform refuse_card_use(v_card);
    end if;
    perform act_on_card('user', p_user_id::text);
    insert into card_reveals (card_id, user_id, public_key, asked_at, expires_at, due_at)
    values (p_card_id, p_user_id, p_public_key, p_now, p_now + p_wait, p_now)
    returning id into v_reveal_id;
    perform pg_notify('onesms_card_jobs', 'reveals');
    return v_reveal_id;
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

CREATE FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text DEFAULT 'purchase'::text, p_activation_id uuid DEFAULT NULL::uuid, p_rental_id uuid DEFAULT NULL::uuid, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_actor text DEFAULT NULL::text, p_funding_id uuid DEFAULT NULL::uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_balance numeric;
    v_frozen numeric;
    v_number bigint;
    v_seq bigint;
    v_amount text;
    v_event jsonb;
    v_rung boolean;
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
            return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at,
                                 p_funding_id);
        end if;
        update users
           set frozen_balance = frozen_balance + p_amount,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id and balance - frozen_balance >= p_amount
        returning balance, frozen_balance, operation_number, event_seq into v_balance, v_frozen, v_number, v_seq;
        exit when found;
        perform refuse_freeze(p_user_id, p_amount, p_transaction_id);
    end loop;
    insert into wallet_holds (transaction_id, user_id, amount, activation_id, rental_id, frozen_number, expires_at,
                              funding_id)
    values (p_transaction_id, p_user_id, p_amount, p_activation_id, p_rental_id, v_number, p_expires_at, p_funding_id)
    on conflict (transaction_id) do nothing;
    if not found then
        update users
           set frozen_balance = frozen_balance - p_amount,
               operation_number = operation_number - 1, event_seq = event_seq - 1
         where id = p_user_id;
        return replay_freeze(p_user_id, p_amount, p_transaction_id, p_activation_id, p_rental_id, p_expires_at,
                             p_funding_id);
    end if;
    if p_activation_id is not null or p_rental_id is not null or p_expires_at is not null then
        perform check_hold_order(p_user_id, p_transaction_id, p_activation_id, p_rental_id, p_expires_at);
        if p_rental_id is not null then
            perform restate_rental_frozen(p_rental_id);
        end if;
    end if;
    if p_funding_id is not null then
        perform check_hold_funding(p_user_id, p_amount, p_transaction_id, p_funding_id,
                                   coalesce(p_activation_id, p_rental_id), p_expires_at);
    end if;
    insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                    frozen_after, transaction_id, activation_id, rental_id, actor, reason)
    values (p_user_id, v_number, 'freeze', p_amount, v_balance, v_balance, v_frozen - p_amount, v_frozen,
            p_transaction_id, p_activation_id, p_rental_id, acting(p_actor), coalesce(p_reason, 'purchase'));
    v_amount := round(p_amount, 2)::text;
    v_event := jsonb_build_object(
        'balance', v_balance::text, 'frozen', v_frozen::text, 'available', (v_balance - v_frozen)::text,
        'operation', 'freeze', 'amount', v_amount, 'transaction_id', p_transaction_id);
    insert into events (user_id, seq, type, payload) values (p_user_id, v_seq, 'balance.changed', v_event);
    if pg_try_advisory_lock_shared(20307, 1) then
        v_rung := ring_doorbell(p_user_id, v_seq, 'balance.changed', v_event);
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

CREATE FUNCTION public.audit_card(p_card_id uuid, p_action text, p_diff jsonb) RETURNS void
    LANGUAGE sql
    AS $$
    insert into strowallet_card_audit (card_id, action, actor_type, actor_id, diff)
    values (p_card_id, p_action,
            coalesce(nullif(current_setting('onesms.card_actor_type', true), ''), 'system'),
            coalesce(nullif(current_setting('onesms.card_actor_id', true), ''), acting()), p_diff)
$$;

CREATE FUNCTION public.begin_card_action(p_card_id uuid, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update cards set action_started_at = p_now
     where id = p_card_id and wanted_action is not null and due_at = coalesce(p_leased_until, due_at)
    returning wanted_action
$$;

CREATE FUNCTION public.begin_card_creation(p_card_id uuid, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    update card_fundings set begun_at = p_now
     where card_id = p_card_id and kind = 'creation' and status = 'ordering' and begun_at is null;
    return found;
end $$;

CREATE FUNCTION public.begin_card_customer(p_customer_id uuid, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_customers set submitted_at = p_now
     where id = p_customer_id and status = 'submitting' and submitted_at is null
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.begin_card_funding(p_funding_id uuid, p_seen text[], p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    if v_funding.kind <> 'funding' or v_funding.status <> 'ordering' or v_funding.begun_at is not null
       or v_funding.due_at is distinct from coalesce(p_leased_until, v_funding.due_at) then
        return false;
    elsif exists (select from cards
                   where id = v_funding.card_id and status = 'active' and wanted_action is null) then
        update card_fundings set begun_at = p_now, seen = p_seen where id = p_funding_id;
        return true;
    end if;
    perform act_on_card('system');
    perform refund_unbegun_funding(v_funding.card_id, 'CARD_NOT_USABLE', p_now);
    return false;
end $$;

CREATE FUNCTION public.begin_extension(p_rental_id uuid, p_cost numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now()) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_started_at timestamptz;
begin
    update rentals set extension_started_at = p_now, extension_cost = p_cost
     where id = p_rental_id and status = 'active' and extension_status = 'requested' and extension_started_at is null
       and cancel_requested_at is null
    returning extension_started_at into v_started_at;
    return v_started_at;
end $$;

CREATE FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations;
begin
    update activations set purchase_started_at = p_now, provider = p_provider, attempts = attempts + 1
     where id = p_activation_id and status = 'ordering' and purchase_started_at is null
       and cancel_requested_at is null and due_at = coalesce(p_leased_until, due_at)
    returning * into v_activation;
    if not found then
        return false;
    end if;
    insert into route_attempts (activation_id, number, provider, service, country, started_at)
    values (p_activation_id, v_activation.attempts, p_provider, v_activation.service, v_activation.country, p_now);
    return true;
end $$;

CREATE FUNCTION public.begin_rental_purchase(p_rental_id uuid, p_provider text, p_seen text[], p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update rentals set purchase_started_at = p_now, provider = p_provider, purchase_seen = p_seen
     where id = p_rental_id and status = 'ordering' and purchase_started_at is null and cancel_requested_at is null
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.cancel_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    perform check_reason(p_reason);
    perform request_cancel(v_activation.user_id, p_activation_id, p_now);
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'cancel_activation', 'an operator wants an order cancelled', jsonb_build_object(
        'activation_id', p_activation_id, 'user_id', v_activation.user_id, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('status', v_activation.status)));
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;

CREATE FUNCTION public.cancel_rental(p_rental_id uuid, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    perform check_reason(p_reason);
    perform request_rental_cancel(v_rental.user_id, p_rental_id, p_now);
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'cancel_rental', 'an operator wants a rental cancelled', jsonb_build_object(
        'rental_id', p_rental_id, 'user_id', v_rental.user_id, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('status', v_rental.status)));
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;

CREATE FUNCTION public.card_alarm_figures(p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(webhooks_received bigint, webhooks_failed bigint, blocked_day bigint, blocked_days bigint[], mismatches_left bigint, balances_beyond bigint, reconciliation_open interval)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select w.received, w.failed,
           (select count(*) from strowallet_card_audit
             where diff -> 'status' ->> 1 = 'blocked' and action <> 'imported'
               and at > p_now - interval '1 day' and at <= p_now),
           array(select (select count(*) from strowallet_card_audit
                          where diff -> 'status' ->> 1 = 'blocked' and action <> 'imported'
                            and at > p_now - (days + 1) * interval '1 day' and at <= p_now - days * interval '1 day')
                   from generate_series(1, 28) days
                  where p_now - (days + 1) * interval '1 day' >= (select min(created_at) from cards)
                  order by days),
           r.mismatches_left, r.balances_beyond,
           coalesce((select p_now - min(asked_at) from card_reconciliations where ended_at is null), '0')
      from (select count(*) as received, count(*) filter (where status = 'failed' or not signature_valid) as failed
              from strowallet_webhook_events
             where source = 'webhook' and received_at > p_now - interval '1 hour' and received_at <= p_now) w,
           (select coalesce(sum(mismatches - corrected + unread), 0) as mismatches_left,
                   coalesce(sum(beyond), 0) as balances_beyond
              from (select distinct on (provider) * from card_reconciliations
                     where ended_at is not null and ended_at <= p_now order by provider, id desc) latest) r
$$;

CREATE TABLE public.card_customers (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    status text DEFAULT 'submitting'::text NOT NULL,
    provider_customer_id text,
    details bytea,
    email_digest bytea NOT NULL,
    error_code text,
    request_id text,
    idempotency_key text,
    request_digest bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    submitted_at timestamp with time zone,
    registered_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT card_customers_known_has_details CHECK (((status = 'failed'::text) OR (details IS NOT NULL))),
    CONSTRAINT card_customers_registered_is_whole CHECK ((((status = 'registered'::text) = (num_nonnulls(provider_customer_id, registered_at) = 2)) AND (num_nonnulls(provider_customer_id, registered_at) = ANY (ARRAY[0, 2])))),
    CONSTRAINT card_customers_status_known CHECK ((status = ANY (ARRAY['submitting'::text, 'registered'::text, 'failed'::text]))),
    CONSTRAINT card_customers_submitting_is_a_job CHECK (((status = 'submitting'::text) = (due_at IS NOT NULL)))
);

CREATE FUNCTION public.card_customer_json(p_customer public.card_customers) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'customer_id', p_customer.id, 'provider', p_customer.provider, 'status', p_customer.status,
        'provider_customer_id', p_customer.provider_customer_id, 'error_code', p_customer.error_code,
        'request_id', p_customer.request_id, 'created_at', iso_utc(p_customer.created_at),
        'registered_at', iso_utc(p_customer.registered_at))
$$;

CREATE TABLE public.card_fundings (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    card_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    usd numeric(14,2) NOT NULL,
    price numeric(14,2) NOT NULL,
    frozen_amount numeric(14,2) NOT NULL,
    status text DEFAULT 'ordering'::text NOT NULL,
    provider_reference text,
    provider_transaction_id text,
    seen text[],
    begun_at timestamp with time zone,
    accepted_at timestamp with time zone,
    transaction_id text GENERATED ALWAYS AS (('funding:'::text || (id)::text)) STORED NOT NULL,
    idempotency_key text,
    request_id text,
    request_digest bytea,
    error_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT card_fundings_accepted_was_begun CHECK (((begun_at IS NOT NULL) OR ((status = 'ordering'::text) AND (accepted_at IS NULL)) OR (status = 'failed'::text))),
    CONSTRAINT card_fundings_ended_when_closed CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text])))),
    CONSTRAINT card_fundings_frozen_only_while_open CHECK ((frozen_amount =
CASE
    WHEN (status = ANY (ARRAY['ordering'::text, 'pending'::text])) THEN price
    ELSE (0)::numeric
END)),
    CONSTRAINT card_fundings_kind_known CHECK ((kind = ANY (ARRAY['creation'::text, 'funding'::text]))),
    CONSTRAINT card_fundings_open_is_a_job CHECK (((due_at IS NOT NULL) = ((kind = 'funding'::text) AND (status = ANY (ARRAY['ordering'::text, 'pending'::text]))))),
    CONSTRAINT card_fundings_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT card_fundings_status_known CHECK ((status = ANY (ARRAY['ordering'::text, 'pending'::text, 'completed'::text, 'failed'::text]))),
    CONSTRAINT card_fundings_usd_positive CHECK ((usd > (0)::numeric))
)
WITH (fillfactor='80');

CREATE FUNCTION public.card_funding_json(p_funding public.card_fundings) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'id', p_funding.id, 'card_id', p_funding.card_id, 'kind', p_funding.kind, 'usd', p_funding.usd::text,
        'price', p_funding.price::text, 'status', p_funding.status, 'error_code', p_funding.error_code,
        'created_at', iso_utc(p_funding.created_at), 'ended_at', iso_utc(p_funding.ended_at))
$$;

CREATE FUNCTION public.card_fundings_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, 'card.updated', card_json(c)) from cards c where c.id = new.card_id;
    return null;
end $$;

CREATE FUNCTION public.card_fundings_audit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform audit_card(new.card_id, new.kind || '_' || new.status, jsonb_strip_nulls(jsonb_build_object(
        'funding_id', new.id, 'usd', new.usd::text, 'price', new.price::text, 'error_code', new.error_code))
        || jsonb_build_object('funding', jsonb_build_array(case tg_op when 'UPDATE' then old.status end, new.status)));
    return null;
end $$;

CREATE TABLE public.cards (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    customer_id uuid,
    provider text NOT NULL,
    provider_card_id text,
    reference text,
    status text DEFAULT 'pending_activation'::text NOT NULL,
    name_on_card_sealed bytea,
    last4_sealed bytea,
    expiry_sealed bytea,
    brand text,
    currency text DEFAULT 'USD'::text NOT NULL,
    balance numeric(14,2) DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone,
    refresh_asked_at timestamp with time zone,
    wanted_action text,
    wanted_by text,
    wanted_at timestamp with time zone,
    action_started_at timestamp with time zone,
    error_code text,
    request_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    activated_at timestamp with time zone,
    closed_at timestamp with time zone,
    imported_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT cards_action_begins_once_wanted CHECK (((action_started_at IS NULL) OR (wanted_action IS NOT NULL))),
    CONSTRAINT cards_currency_known CHECK ((currency = 'USD'::text)),
    CONSTRAINT cards_ended_is_no_job CHECK ((((closed_at IS NOT NULL) = (status = ANY (ARRAY['terminated'::text, 'failed'::text]))) AND ((closed_at IS NULL) OR (num_nonnulls(due_at, wanted_action, refresh_asked_at) = 0)))),
    CONSTRAINT cards_has_customer_or_is_imported CHECK (((customer_id IS NOT NULL) OR (imported_at IS NOT NULL))),
    CONSTRAINT cards_issued_has_its_id CHECK (((status = ANY (ARRAY['pending_activation'::text, 'failed'::text])) OR (provider_card_id IS NOT NULL))),
    CONSTRAINT cards_status_known CHECK ((status = ANY (ARRAY['pending_activation'::text, 'active'::text, 'inactive'::text, 'blocked'::text, 'terminated'::text, 'failed'::text]))),
    CONSTRAINT cards_wanted_action_is_whole CHECK ((num_nonnulls(wanted_action, wanted_by, wanted_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT cards_wanted_action_known CHECK ((wanted_action = ANY (ARRAY['block'::text, 'unblock'::text]))),
    CONSTRAINT cards_wanted_is_a_job CHECK (((due_at IS NOT NULL) OR ((status <> 'pending_activation'::text) AND (num_nonnulls(wanted_action, refresh_asked_at) = 0))))
)
WITH (fillfactor='80');

CREATE FUNCTION public.card_json(p_card public.cards) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'card_id', p_card.id, 'provider', p_card.provider, 'status', p_card.status, 'balance', p_card.balance::text,
        'currency', p_card.currency, 'brand', p_card.brand, 'wanted_action', p_card.wanted_action,
        'error_code', p_card.error_code, 'checked_at', iso_utc(p_card.checked_at),
        'funding', (select card_funding_json(f) from card_fundings f where f.card_id = p_card.id
                     order by f.created_at desc, f.id desc limit 1),
        'request_id', p_card.request_id, 'created_at', iso_utc(p_card.created_at),
        'activated_at', iso_utc(p_card.activated_at), 'closed_at', iso_utc(p_card.closed_at))
$$;

CREATE FUNCTION public.card_reveals_audit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform audit_card(new.card_id, 'reveal_' || new.status, jsonb_strip_nulls(jsonb_build_object(
        'reveal_id', new.id, 'error_code', new.error_code)));
    return null;
end $$;

CREATE TABLE public.card_transactions (
    id bigint NOT NULL,
    card_id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_transaction_id text NOT NULL,
    usd numeric(14,2) NOT NULL,
    type text,
    method text,
    narrative text,
    status text NOT NULL,
    at timestamp with time zone NOT NULL,
    told_at timestamp with time zone,
    judged_at timestamp with time zone
);

CREATE FUNCTION public.card_transaction_json(p_transaction public.card_transactions) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'card_id', p_transaction.card_id, 'transaction_id', p_transaction.provider_transaction_id,
        'usd', p_transaction.usd::text, 'type', p_transaction.type, 'method', p_transaction.method,
        'narrative', p_transaction.narrative, 'status', p_transaction.status, 'at', iso_utc(p_transaction.at))
$$;

CREATE FUNCTION public.card_transactions_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, 'card.transaction', card_transaction_json(new));
    return null;
end $$;

CREATE FUNCTION public.cards_append_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform append_event(new.user_id, case tg_op when 'INSERT' then 'card.created' else 'card.updated' end,
                         card_json(new));
    return null;
end $$;

CREATE FUNCTION public.cards_audit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    v_diff jsonb := '{}';
begin
    if tg_op = 'INSERT' then
        perform audit_card(new.id, case when new.imported_at is null then 'created' else 'imported' end, (
            select jsonb_build_object('status', jsonb_build_array(null, new.status))
                   || coalesce(jsonb_build_object('funding_id', f.id, 'usd', f.usd::text, 'price', f.price::text), '{}')
              from (select 1) one left join card_fundings f on f.card_id = new.id and f.kind = 'creation'));
        return null;
    end if;
    if new.status <> old.status then
        v_diff := v_diff || jsonb_build_object('status', jsonb_build_array(old.status, new.status));
    end if;
    if new.wanted_action is distinct from old.wanted_action then
        v_diff := v_diff || jsonb_build_object('wanted_action',
                                               jsonb_build_array(old.wanted_action, new.wanted_action));
    end if;
    if new.balance <> old.balance then
        v_diff := v_diff || jsonb_build_object('balance', jsonb_build_array(old.balance::text, new.balance::text));
    end if;
    if new.error_code is distinct from old.error_code then
        v_diff := v_diff || jsonb_build_object('error_code', jsonb_build_array(old.error_code, new.error_code));
    end if;
    perform audit_card(new.id, case when v_diff ? 'status' then 'status_changed'
                                    when v_diff ? 'wanted_action' then 'action_' ||
                                         case when new.wanted_action is null then 'ended' else 'wanted' end
                                    else 'balance_changed' end, v_diff);
    return null;
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

CREATE FUNCTION public.charge_late_sms(p_activation public.activations, p_amount numeric, p_actor text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
    v_transaction_id text := format('activation:%s:late', p_activation.id);
begin
    perform atomic_freeze(p_activation.user_id, p_amount, v_transaction_id, 'SMS after the refund',
                          p_actor => p_actor);
    perform atomic_commit(p_activation.user_id, p_transaction_id => v_transaction_id,
                          p_reason => 'SMS after the refund', p_actor => p_actor);
    return 'charged';
exception when sqlstate 'OS001' then
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

CREATE FUNCTION public.check_hold_funding(p_user_id uuid, p_amount numeric, p_transaction_id text, p_funding_id uuid, p_order_id uuid, p_expires_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if num_nonnulls(p_order_id, p_expires_at) > 0 or not exists (
        select from card_fundings
         where id = p_funding_id and user_id = p_user_id and transaction_id = p_transaction_id
           and frozen_amount = p_amount
    ) then
        raise exception using errcode = 'OS014',
            message = format('expected an open funding of the user, its transaction id and price, got %s',
                             p_funding_id),
            detail = '{"argument": "p_funding_id"}';
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

CREATE FUNCTION public.check_open_orders(p_user_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_max integer := (select (value #>> '{}')::numeric::integer from settings where key = 'open_orders_per_user_max');
    v_open integer;
begin
    if coalesce(v_max, 0) = 0 then
        return;
    end if;
    select (select count(*) from activations where user_id = p_user_id and frozen_amount > 0)
         + (select count(*) from rentals where user_id = p_user_id and frozen_amount > 0) into v_open;
    if v_open >= v_max then
        raise exception using errcode = 'OS018',
            message = format('%s orders are open, and no more than %s may be', v_open, v_max),
            detail = jsonb_build_object('open', v_open, 'max', v_max)::text;
    end if;
end $$;

CREATE FUNCTION public.check_reason(p_reason text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if coalesce(p_reason, '') !~ '[^[:space:]]' then
        raise exception using errcode = 'OS014', message = 'expected a reason, got none',
            detail = '{"argument": "p_reason"}';
    end if;
    perform check_remarks(p_reason, null);
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

CREATE FUNCTION public.check_rental_hours(p_hours integer, p_rented integer DEFAULT 0) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if (p_hours between 2 and 1344 - p_rented) is not true then
        raise exception using errcode = 'OS020',
            message = format('expected 2 to %s hours, got %s', 1344 - p_rented, coalesce(p_hours::text, 'null')),
            detail = jsonb_build_object('hours', p_hours, 'min', 2, 'max', 1344 - p_rented)::text;
    end if;
end $$;

CREATE FUNCTION public.claim_account_looks(p_providers text[], p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(provider text, leased_until timestamp with time zone, is_covered boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    return query
        with due as (
            select a.provider from provider_accounts a where a.provider = any (p_providers) and a.due_at <= p_now
               for no key update skip locked
        ), claimed as (
            update provider_accounts a set due_at = p_now + p_lease, hints_from = p_now + p_lease, is_hinted = false
              from due where a.provider = due.provider
            returning a.provider, a.due_at
        )
        select a.provider, c.due_at, coalesce(a.covered_until > p_now, false)
          from provider_accounts a left join claimed c using (provider) where a.provider = any (p_providers);
    if not exists (select from provider_accounts a where a.provider = any (p_providers)
                   having count(*) = cardinality(p_providers)) then
        insert into provider_accounts (provider) select unnest(p_providers) on conflict do nothing;
    end if;
end $$;

CREATE FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, status text, service_code text, country_code text, price numeric, provider text, provider_order_id text, phone text, created_at timestamp with time zone, purchase_started_at timestamp with time zone, purchased_at timestamp with time zone, expires_at timestamp with time zone, cancel_requested_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone, service text, country text, attempts integer, another_sms_requested_at timestamp with time zone, another_sms_asked_at timestamp with time zone, finish_requested_at timestamp with time zone, check_requested_at timestamp with time zone, checked_at timestamp with time zone, waits_until timestamp with time zone, retry_of uuid, retry_number integer, request_id text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select a.id, a.due_at, a.service, a.country, a.provider from activations a where a.due_at <= p_now
         order by a.due_at limit p_limit for no key update skip locked
    )
    update activations a set due_at = p_now + p_lease
      from due
      join services s using (service)
      join countries c using (country)
      left join provider_services ps using (provider, service)
      left join provider_countries pc using (provider, country)
     where a.id = due.id
    returning a.id, a.user_id, a.status, coalesce(ps.code, s.code), coalesce(pc.code, c.code), a.price, a.provider,
              a.provider_order_id, a.phone, a.created_at, a.purchase_started_at, a.purchased_at, a.expires_at,
              a.cancel_requested_at, due.due_at, a.due_at, a.service, a.country, a.attempts,
              a.another_sms_requested_at, a.another_sms_asked_at, a.finish_requested_at, a.check_requested_at,
              a.checked_at, a.waits_until, a.retry_of, a.retry_number,
              a.request_id
$$;

CREATE FUNCTION public.claim_card_customers(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, provider text, status text, details bytea, email_digest bytea, created_at timestamp with time zone, submitted_at timestamp with time zone, request_id text, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select c.id, c.due_at from card_customers c where c.due_at <= p_now
         order by c.due_at limit p_limit for no key update skip locked
    )
    update card_customers c set due_at = p_now + p_lease
      from due
     where c.id = due.id
    returning c.id, c.user_id, c.provider, c.status, c.details, c.email_digest, c.created_at, c.submitted_at,
              c.request_id, due.due_at, c.due_at
$$;

CREATE FUNCTION public.claim_card_fundings(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, card_id uuid, user_id uuid, status text, usd numeric, price numeric, provider text, provider_card_id text, card_status text, provider_reference text, seen text[], begun_at timestamp with time zone, accepted_at timestamp with time zone, created_at timestamp with time zone, request_id text, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select f.id, f.due_at from card_fundings f where f.due_at <= p_now
         order by f.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update card_fundings f set due_at = p_now + p_lease
          from due
         where f.id = due.id
        returning f.*, due.due_at as was_due_at
    )
    select f.id, f.card_id, f.user_id, f.status, f.usd, f.price, c.provider, c.provider_card_id, c.status,
           f.provider_reference, f.seen, f.begun_at, f.accepted_at, f.created_at, f.request_id, f.was_due_at, f.due_at
      from claimed f join cards c on c.id = f.card_id
$$;

CREATE FUNCTION public.claim_card_reconciliations(p_providers text[], p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id bigint, provider text, correct boolean, asked_by text, after_id uuid, started_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select r.id from card_reconciliations r
         where r.ended_at is null and r.due_at <= p_now and r.provider = any (p_providers)
         order by r.due_at limit p_limit for no key update skip locked
    )
    update card_reconciliations r set due_at = p_now + p_lease, started_at = coalesce(r.started_at, p_now)
      from due where r.id = due.id
    returning r.id, r.provider, r.correct, r.asked_by, r.after_id, r.started_at, r.due_at
$$;

CREATE FUNCTION public.claim_card_reveals(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, card_id uuid, user_id uuid, provider text, provider_card_id text, public_key bytea, asked_at timestamp with time zone, expires_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select r.id, r.due_at, r.expires_at <= p_now as has_expired from card_reveals r where r.due_at <= p_now
         order by r.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update card_reveals r
           set due_at = case when not due.has_expired then p_now + p_lease end,
               status = case when due.has_expired then 'refused' else r.status end,
               error_code = case when due.has_expired then 'EXPIRED' end,
               ended_at = case when due.has_expired then p_now end
          from due
         where r.id = due.id
        returning r.*, due.due_at as was_due_at
    )
    select r.id, r.card_id, r.user_id, c.provider, c.provider_card_id, r.public_key, r.asked_at, r.expires_at,
           r.was_due_at, r.due_at
      from claimed r join cards c on c.id = r.card_id
     where r.status = 'asked'
$$;

CREATE FUNCTION public.claim_card_webhooks(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id bigint, event_id text, event text, provider_card_id text, card_id uuid, payload jsonb, received_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select e.id, e.due_at from strowallet_webhook_events e where e.due_at <= p_now
         order by e.due_at limit p_limit for no key update skip locked
    )
    update strowallet_webhook_events e set due_at = p_now + p_lease
      from due
     where e.id = due.id
    returning e.id, e.event_id, e.event, e.provider_card_id,
              coalesce(e.card_id, (select c.id from cards c
                                    where c.provider = 'strowallet' and c.provider_card_id = e.provider_card_id)),
              e.payload, e.received_at, due.due_at, e.due_at
$$;

CREATE FUNCTION public.claim_cards(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, status text, provider text, provider_card_id text, reference text, customer_id uuid, provider_customer_id text, customer_details bytea, name_on_card_sealed bytea, last4_sealed bytea, balance numeric, checked_at timestamp with time zone, refresh_asked_at timestamp with time zone, wanted_action text, wanted_by text, wanted_at timestamp with time zone, action_started_at timestamp with time zone, created_at timestamp with time zone, request_id text, funding_id uuid, usd numeric, creation_begun_at timestamp with time zone, creation_accepted_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select c.id, c.due_at from cards c where c.due_at <= p_now
         order by c.due_at limit p_limit for no key update skip locked
    ),
    claimed as (
        update cards c set due_at = p_now + p_lease
          from due
         where c.id = due.id
        returning c.*, due.due_at as was_due_at
    )
    select c.id, c.user_id, c.status, c.provider, c.provider_card_id, c.reference, c.customer_id,
           u.provider_customer_id, u.details, c.name_on_card_sealed, c.last4_sealed, c.balance, c.checked_at,
           c.refresh_asked_at, c.wanted_action, c.wanted_by, c.wanted_at, c.action_started_at, c.created_at,
           c.request_id, f.id, f.usd, f.begun_at, f.accepted_at, c.was_due_at, c.due_at
      from claimed c
      left join card_customers u on u.id = c.customer_id
      left join card_fundings f on f.card_id = c.id and f.kind = 'creation'
$$;

CREATE FUNCTION public.claim_late_looks(p_provider text, p_every interval, p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, provider_order_id text, is_hinted boolean, leased_until timestamp with time zone, request_id text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select activation_id from late_looks where provider = p_provider and due_at <= p_now
         order by due_at limit p_limit for update skip locked
    )
    update late_looks l set due_at = p_now + p_every
      from due join activations a on a.id = due.activation_id
     where l.activation_id = due.activation_id
    returning a.id, a.provider_order_id, l.hinted_at is not null, l.due_at, a.request_id
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

CREATE FUNCTION public.claim_rentals(p_limit integer, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, user_id uuid, status text, service text, country text, hours integer, price numeric, provider text, provider_order_id text, phone text, created_at timestamp with time zone, purchase_started_at timestamp with time zone, purchase_seen text[], purchased_at timestamp with time zone, ends_at timestamp with time zone, cancel_requested_at timestamp with time zone, finish_requested_at timestamp with time zone, extension_hours integer, extension_status text, extension_requested_at timestamp with time zone, extension_started_at timestamp with time zone, was_due_at timestamp with time zone, leased_until timestamp with time zone, request_id text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with due as (
        select r.id, r.due_at from rentals r where r.due_at <= p_now
         order by r.due_at limit p_limit for no key update skip locked
    )
    update rentals r set due_at = p_now + p_lease
      from due
     where r.id = due.id
    returning r.id, r.user_id, r.status, r.service, r.country, r.hours, r.price, r.provider, r.provider_order_id,
              r.phone, r.created_at, r.purchase_started_at, r.purchase_seen, r.purchased_at, r.ends_at,
              r.cancel_requested_at, r.finish_requested_at, r.extension_hours, r.extension_status,
              r.extension_requested_at, r.extension_started_at, due.due_at, r.due_at, r.request_id
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

CREATE FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now(), p_outcome text DEFAULT NULL::text, p_reason text DEFAULT NULL::text) RETURNS boolean
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
       set status = p_status, frozen_amount = 0, closed_at = p_now, due_at = null,
           error_code = coalesce(p_error_code, case error_code when 'SERVED_BEFORE' then error_code end),
           cancel_requested_at = null, cancel_allowed_at = null
     where id = p_activation_id;
    update route_attempts
       set closed_at = p_now,
           status = case p_error_code when 'ENDED' then 'ended' when 'REFUNDED_BY_OPERATOR' then 'refunded'
                                      else p_status end,
           ended_at = coalesce(ended_at, p_now),
           outcome = coalesce(outcome, p_outcome, p_error_code, p_status)
     where activation_id = p_activation_id and number = v_activation.attempts;
    if v_activation.status = 'received' then
        return true;
    end if;
    insert into late_looks (activation_id, provider, due_at, until)
    select p_activation_id, v_activation.provider, p_now + interval '20 seconds', p_now + interval '10 minutes'
     where v_activation.provider_order_id is not null
        on conflict (activation_id) do nothing;
    v_hold := find_hold(v_activation.user_id, p_activation_id, null, null);
    v_refund := refund_due(p_status, v_activation.service, v_hold.amount);
    if v_refund = 0 then
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => coalesce(p_reason, p_status));
    else
        perform atomic_refund(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => coalesce(p_reason, p_status),
                              p_amount => v_refund);
    end if;
    perform settle_owed_sms(v_activation, null, p_now);
    return true;
end $$;

CREATE FUNCTION public.close_alerts(p_channels text[], p_quiet interval, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_alert alerts;
    v_lasts boolean;
    v_closed alerts[] := '{}';
begin
    delete from alerts where closed_at < p_now - interval '90 days';
    for v_alert in
        select a.* from alerts a
         where closed_at is null
           and not exists (
               select from unnest(p_channels) as wanted (channel)
                 left join alert_tellings t on t.alert_id = a.id and t.channel = wanted.channel
                where t.times is distinct from a.times)
         order by key for no key update skip locked
    loop
        v_lasts := alert_lasts(v_alert, p_now);
        continue when v_lasts or v_lasts is null and v_alert.last_at > p_now - p_quiet;
        update alerts set closed_at = p_now, closed_by = case when v_lasts is null then 'quiet' else 'ended' end
         where id = v_alert.id returning * into v_alert;
        v_closed := array_append(v_closed, v_alert);
    end loop;
    foreach v_alert in array v_closed loop
        perform tell_stream(v_alert);
    end loop;
    return cardinality(v_closed);
end $$;

CREATE FUNCTION public.close_rental(p_rental_id uuid, p_status text, p_error_code text DEFAULT NULL::text, p_unused_hours integer DEFAULT NULL::integer, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_reason text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_hold wallet_holds;
    v_back numeric;    -- what is still to go back
    v_refund numeric;  -- of this hold
begin
    if p_status is null or p_status not in ('completed', 'cancelled', 'expired', 'failed') then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends a rental, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('order_id', p_rental_id, 'from', v_rental.status, 'to', p_status)::text;
    end if;
    if v_rental.closed_at is not null or v_rental.due_at is distinct from coalesce(p_leased_until, v_rental.due_at) then
        return false;
    end if;
    update rentals
       set status = p_status, frozen_amount = 0, error_code = p_error_code, closed_at = p_now, due_at = null,
           cancel_requested_at = null, cancel_allowed_at = null, finish_requested_at = null, purchase_seen = null,
           extension_error_code = case extension_status when 'requested' then 'RENTAL_ENDED'
                                                        else extension_error_code end,
           extension_status = case extension_status when 'requested' then 'refused' else extension_status end,
           extension_started_at = null, extension_cost = null,
           extension_untold = extension_untold
               + case when extension_started_at is not null and p_status = 'completed' then extension_price else 0 end
     where id = p_rental_id;
    select case when p_status in ('completed', 'expired') then 0
                else round(sum(amount) * least(coalesce(p_unused_hours, v_rental.hours), v_rental.hours)
                           / v_rental.hours, 2) end
      into v_back
      from wallet_holds
     where rental_id = p_rental_id and state = 'held'
       and (v_rental.extension_status = 'requested' and transaction_id = v_rental.extension_transaction_id) is not true;
    for v_hold in
        select * from wallet_holds where rental_id = p_rental_id and state = 'held' order by frozen_number desc
    loop
        if v_rental.extension_status = 'requested' and v_hold.transaction_id = v_rental.extension_transaction_id then
            v_refund := v_hold.amount;
        else
            v_refund := least(v_back, v_hold.amount);
            v_back := v_back - v_refund;
        end if;
        if v_refund = 0 then
            perform atomic_commit(v_rental.user_id, p_transaction_id => v_hold.transaction_id,
                                  p_reason => coalesce(p_reason, p_status));
        else
            perform atomic_refund(v_rental.user_id, p_transaction_id => v_hold.transaction_id,
                                  p_reason => coalesce(p_reason, p_status), p_amount => v_refund);
        end if;
    end loop;
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

CREATE FUNCTION public.complete_card_funding(p_funding_id uuid, p_provider_transaction_id text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    perform act_on_card('provider', (select provider from cards where id = v_funding.card_id));
    if v_funding.kind <> 'funding' or v_funding.begun_at is null
       or not end_card_funding(p_funding_id, 'completed', null, p_now, p_provider_transaction_id) then
        return false;
    end if;
    perform atomic_commit(v_funding.user_id, p_transaction_id => v_funding.transaction_id, p_reason => 'card funded');
    return true;
end $$;

CREATE FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone DEFAULT now(), p_reason text DEFAULT NULL::text) RETURNS jsonb
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
    perform check_remarks(p_reason, null);
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
                'user_id', p_user_id, 'operations', v_operations, 'before', v_before, 'after', v_after,
                'actor', acting(), 'reason', p_reason));
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

CREATE FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text DEFAULT NULL::text, p_max_price numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now(), p_retry_on_timeout boolean DEFAULT NULL::boolean, p_retry_countries text[] DEFAULT NULL::text[], p_request_id text DEFAULT NULL::text, p_request_digest bytea DEFAULT NULL::bytea) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.create_card(p_user_id uuid, p_card_id uuid, p_provider text, p_usd numeric, p_name_sealed bytea, p_idempotency_key text DEFAULT NULL::text, p_request_id text DEFAULT NULL::text, p_request_digest bytea DEFAULT NULL::bytea, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_offer card_offers;
    v_funding card_fundings;
    v_customer card_customers;
    v_card cards;
begin
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    if num_nulls(p_card_id, p_name_sealed) > 0 then
        raise exception using errcode = 'OS014', message = 'expected an id and the sealed name on the card',
            detail = '{"argument": "p_name_sealed"}';
    end if;
    perform lock_user_wallet(p_user_id);
    v_funding := find_card_replay(p_user_id, p_idempotency_key, 'creation', null, p_usd, p_request_digest);
    if v_funding.id is not null then
        return (select card_json(c) || '{"replayed": true}' from cards c where c.id = v_funding.card_id);
    end if;
    v_offer := find_card_offer(p_provider, p_usd);
    select * into v_customer from card_customers
     where user_id = p_user_id and provider = p_provider and status <> 'failed';
    if v_customer.status is distinct from 'registered' then
        raise exception using errcode = 'OS028',
            message = format('the provider does not know the user yet: %s', coalesce(v_customer.status, 'no customer')),
            detail = jsonb_build_object('provider', p_provider, 'status', v_customer.status)::text;
    end if;
    perform act_on_card('user', p_user_id::text);
    perform open_card_funding(p_card_id, p_user_id, 'creation', p_usd, v_offer, p_idempotency_key, p_request_id,
                              p_request_digest, p_now);
    insert into cards (id, user_id, customer_id, provider, name_on_card_sealed, request_id, created_at, due_at)
    values (p_card_id, p_user_id, v_customer.id, p_provider, p_name_sealed, p_request_id, p_now, p_now)
    returning * into v_card;
    perform pg_notify('onesms_card_jobs', 'cards');
    return card_json(v_card) || '{"replayed": false}';
end $$;

CREATE FUNCTION public.create_card_customer(p_user_id uuid, p_customer_id uuid, p_provider text, p_details bytea, p_email_digest bytea, p_document_ids uuid[], p_document_kinds text[], p_document_types text[], p_documents bytea[], p_idempotency_key text DEFAULT NULL::text, p_request_id text DEFAULT NULL::text, p_request_digest bytea DEFAULT NULL::bytea, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_customer card_customers;
begin
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    if p_customer_id is null or num_nulls(p_details, p_email_digest) > 0 then
        raise exception using errcode = 'OS014', message = 'expected an id, sealed details and a digest of the address',
            detail = '{"argument": "p_details"}';
    elsif (cardinality(p_document_ids) = cardinality(p_document_kinds)
           and cardinality(p_document_ids) = cardinality(p_document_types)
           and cardinality(p_document_ids) = cardinality(p_documents)
           and p_document_kinds <@ array['id_image', 'user_photo']
           and cardinality(p_document_kinds) = (select count(distinct kind) from unnest(p_document_kinds) kind)
          ) is not true then
        raise exception using errcode = 'OS014',
            message = 'expected documents of different kinds (id_image, user_photo), each with id, type and bytes',
            detail = '{"argument": "p_documents"}';
    end if;
    perform lock_user_wallet(p_user_id);

    select * into v_customer from card_customers where user_id = p_user_id and idempotency_key = p_idempotency_key;
    if found then
        if v_customer.provider <> p_provider or v_customer.request_digest <> p_request_digest then
            raise exception using errcode = 'OS005',
                message = 'this idempotency key was already used with another customer', detail = '{"field": "body"}';
        end if;
        return card_customer_json(v_customer) || '{"replayed": true}';
    end if;
    if not exists (select from card_offers where provider = p_provider and on_sale) then
        raise exception using errcode = 'OS031', message = format('no cards of %s are for sale', p_provider),
            detail = jsonb_build_object('provider', p_provider)::text;
    end if;
    select * into v_customer from card_customers
     where user_id = p_user_id and provider = p_provider and status <> 'failed';
    if found then
        raise exception using errcode = 'OS029',
            message = format('the user is a customer already: %s', v_customer.status),
            detail = jsonb_build_object('provider', p_provider, 'field', 'user', 'status', v_customer.status)::text;
    end if;
    insert into card_customers (id, user_id, provider, details, email_digest, request_id, idempotency_key,
                                request_digest, created_at, due_at)
    values (p_customer_id, p_user_id, p_provider, p_details, p_email_digest, p_request_id, p_idempotency_key,
            p_request_digest, p_now, p_now)
    on conflict (provider, email_digest) where status <> 'failed' do nothing
    returning * into v_customer;
    if not found then
        raise exception using errcode = 'OS029', message = 'another user is a customer by this address',
            detail = jsonb_build_object('provider', p_provider, 'field', 'email')::text;
    end if;
    insert into card_documents (id, customer_id, user_id, kind, content_type, sealed, created_at)
    select id, p_customer_id, p_user_id, kind, content_type, sealed, p_now
      from unnest(p_document_ids, p_document_kinds, p_document_types, p_documents)
           as document (id, kind, content_type, sealed);
    perform pg_notify('onesms_card_jobs', 'customers');
    return card_customer_json(v_customer) || '{"replayed": false}';
end $$;

CREATE FUNCTION public.create_rental(p_user_id uuid, p_service text, p_country text, p_hours integer, p_idempotency_key text DEFAULT NULL::text, p_max_price numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now(), p_request_id text DEFAULT NULL::text, p_request_digest bytea DEFAULT NULL::bytea) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.deposit_adds_to_balance(o public.balance_operations) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return o.amount > 0
       and o.balance_after = o.balance_before + o.amount
       and o.frozen_after = o.frozen_before
       and o.hold_transaction_id is null;
end $$;

CREATE FUNCTION public.end_card_funding(p_funding_id uuid, p_status text, p_error_code text, p_now timestamp with time zone, p_provider_transaction_id text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_funding card_fundings;
    v_told text;
begin
    update card_fundings
       set status = p_status, frozen_amount = 0, error_code = p_error_code, ended_at = p_now, due_at = null,
           provider_transaction_id = coalesce(p_provider_transaction_id, provider_transaction_id)
     where id = p_funding_id and status in ('ordering', 'pending')
    returning * into v_funding;
    if not found then
        return false;
    end if;
    if v_funding.kind = 'creation' and p_status = 'failed' then
        perform end_pending_card(v_funding.card_id, p_error_code, p_now);
    end if;
    v_told := case when p_error_code in ('CARD_MAY_EXIST', 'CARD_FUNDING_MAY_EXIST') then p_error_code
                   when p_error_code = 'REFUNDED' and v_funding.begun_at is not null then
                       case v_funding.kind when 'creation' then 'CARD_MAY_EXIST' else 'CARD_FUNDING_MAY_EXIST' end
              end;
    if v_told is not null then
        perform tell_card_money(v_funding, v_told,
                                'refunded while in doubt: the provider may have it all the same', p_now);
    end if;
    return true;
end $$;

CREATE FUNCTION public.end_pending_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    update cards
       set status = 'failed', error_code = p_error_code, closed_at = p_now, due_at = null, refresh_asked_at = null
     where id = p_card_id and status = 'pending_activation'
$$;

CREATE FUNCTION public.end_rental(p_rental_id uuid, p_refund boolean, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_error_code text := case when p_refund then 'REFUNDED_BY_OPERATOR' else 'CLOSED_BY_OPERATOR' end;
begin
    perform check_reason(p_reason);
    if v_rental.closed_at is not null and v_rental.error_code is distinct from v_error_code then
        raise exception using errcode = 'OS016',
            message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.closed_at is null then
        perform close_rental(p_rental_id, case when p_refund then 'cancelled' else 'completed' end, v_error_code,
                             p_now => p_now, p_reason => p_reason);
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'end_rental',
                case when p_refund then 'an operator refunded a rental' else 'an operator closed a rental' end,
                jsonb_build_object(
                    'rental_id', p_rental_id, 'user_id', v_rental.user_id, 'reason', p_reason, 'actor', acting(),
                    'amount', v_rental.frozen_amount::text, 'before', jsonb_build_object(
                        'status', v_rental.status, 'provider', v_rental.provider,
                        'provider_order_id', v_rental.provider_order_id, 'ends_at', iso_utc(v_rental.ends_at),
                        'extension', v_rental.extension_status, 'due_at', iso_utc(v_rental.due_at))));
        if v_rental.status = 'ordering' and v_rental.purchase_started_at is not null then
            perform tell_may_be_sold('NUMBER_MAY_BE_SOLD', jsonb_build_object('rental_id', p_rental_id),
                                     v_rental.provider, v_rental.price, p_now);
        elsif v_rental.extension_started_at is not null then
            perform tell_may_be_sold('EXTENSION_MAY_BE_SOLD', jsonb_build_object('rental_id', p_rental_id),
                                     v_rental.provider, v_rental.extension_price, p_now);
        end if;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;

CREATE FUNCTION public.end_unserved(p_activation_id uuid, p_status text, p_error_code text, p_providers text[], p_outcome text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_ending activations;
    v_retry activations;
    v_refused text;
begin
    if v_activation.due_at is distinct from coalesce(p_leased_until, v_activation.due_at) then
        return false;
    end if;
    if v_activation.retry_countries is null or v_activation.status not in ('ordering', 'pending')
       or (p_status = 'timeout' or p_error_code = 'ENDED'
           or p_status = 'failed' and v_activation.retry_of is not null) is not true then
        return close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
    end if;
    v_ending := v_activation;
    v_ending.status := p_status;
    select country, price, refused into v_retry.country, v_retry.price, v_refused
      from plan_retry(v_ending, p_providers, p_now);
    if v_refused is null then
        v_retry.id := gen_random_uuid();
        v_retry.user_id := v_activation.user_id;
        v_retry.service := v_activation.service;
        v_retry.max_price := coalesce(v_activation.max_price, v_activation.price);
        v_retry.retry_countries := v_activation.retry_countries;
        v_retry.retry_of := coalesce(v_activation.retry_of, v_activation.id);
        v_retry.retry_number := coalesce(v_activation.retry_number, 0) + 1;
        v_retry.request_id := v_activation.request_id;
        v_retry.created_at := p_now;
        begin
            -- Not visible by itself: the event of the end, which follows, tells it.
            update activations set retried_by = v_retry.id where id = p_activation_id;
            perform close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
            perform place_activation(v_retry);
            return true;
        exception
            when sqlstate 'OS001' then v_refused := 'INSUFFICIENT_FUNDS';
            when sqlstate 'OS018' then v_refused := 'TOO_MANY_OPEN_ORDERS';
        end;
    end if;
    update activations set retry_refused = v_refused where id = p_activation_id;
    return close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
end $$;

CREATE FUNCTION public.enter_sms(p_activation_id uuid, p_code text, p_text text, p_actor text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_outcome text := apply_activation_sms(p_activation_id, p_code, p_text, p_now => p_now, p_actor => p_actor);
begin
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'enter_sms', 'an SMS was entered by hand', jsonb_build_object(
            'activation_id', p_activation_id, 'actor', acting(p_actor), 'outcome', v_outcome));
    return jsonb_build_object('outcome', v_outcome, 'activation', (
        select activation_json(a) from activations a where a.id = p_activation_id));
end $$;

CREATE TABLE public.events (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02');

CREATE FUNCTION public.event_line(p_event public.events) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select case when octet_length(p_event.payload::text) + octet_length(p_event.type) < 3800
                     and translate(p_event.type, E'\t\n', '') = p_event.type
                then concat_ws(E'\t', p_event.user_id, p_event.seq, p_event.type, iso_utc(p_event.at), p_event.payload)
                else concat_ws(E'\t', p_event.user_id, p_event.seq, '', '', '') end
$$;

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

CREATE FUNCTION public.fail_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
    v_funding card_fundings;
begin
    if v_card.status <> 'pending_activation'
       or v_card.due_at is distinct from coalesce(p_leased_until, v_card.due_at) then
        return false;
    end if;
    perform act_on_card(case p_error_code when 'CARD_MAY_EXIST' then 'system' else 'provider' end,
                        case when p_error_code <> 'CARD_MAY_EXIST' then v_card.provider end);
    select * into strict v_funding from card_fundings where card_id = p_card_id and kind = 'creation';
    if end_card_funding(v_funding.id, 'failed', p_error_code, p_now) then
        perform atomic_refund(v_card.user_id, p_transaction_id => v_funding.transaction_id, p_reason => p_error_code);
    else
        perform end_pending_card(p_card_id, p_error_code, p_now);
        perform tell_card_money(v_funding, 'CARD_PAID_AND_FAILED',
                                'its hold was spent by its name, and there is no card: ' || p_error_code, p_now);
    end if;
    return true;
end $$;

CREATE FUNCTION public.fail_card_customer(p_customer_id uuid, p_error_code text, p_purge_at timestamp with time zone, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_customers set status = 'failed', error_code = p_error_code, details = null, due_at = null
     where id = p_customer_id and status = 'submitting' and due_at = coalesce(p_leased_until, due_at);
    if not found then
        return false;
    end if;
    update card_documents set purge_at = p_purge_at where customer_id = p_customer_id;
    return true;
end $$;

CREATE FUNCTION public.fail_card_funding(p_funding_id uuid, p_error_code text, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    perform act_on_card(case p_error_code when 'CARD_FUNDING_MAY_EXIST' then 'system' else 'provider' end,
                        case when p_error_code <> 'CARD_FUNDING_MAY_EXIST' then
                            (select provider from cards where id = v_funding.card_id) end);
    if v_funding.kind <> 'funding' or v_funding.due_at is distinct from coalesce(p_leased_until, v_funding.due_at)
       or not end_card_funding(p_funding_id, 'failed', p_error_code, p_now) then
        return false;
    end if;
    perform atomic_refund(v_funding.user_id, p_transaction_id => v_funding.transaction_id, p_reason => p_error_code);
    return true;
end $$;

CREATE FUNCTION public.fair_shares(p_process uuid, p_providers text[], p_now timestamp with time zone) RETURNS TABLE(provider text, share numeric)
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select w.provider, least(trunc(1.0 / (count(o.process) + 1), 6), greatest(1 - coalesce(sum(o.share), 0), 0))
      from unnest(p_providers) w (provider)
      left join account_shares o on o.provider = w.provider and o.process <> p_process and o.until > p_now
     group by w.provider
$$;

CREATE TABLE public.card_offers (
    provider text NOT NULL,
    creation_fee numeric(14,2) NOT NULL,
    usd_price numeric(14,6) NOT NULL,
    funding_fee_percent numeric(5,2) DEFAULT 0 NOT NULL,
    usd_min numeric(14,2) NOT NULL,
    usd_max numeric(14,2) NOT NULL,
    on_sale boolean DEFAULT false NOT NULL,
    CONSTRAINT card_offers_creation_fee_not_negative CHECK ((creation_fee >= (0)::numeric)),
    CONSTRAINT card_offers_funding_fee_percent_in_range CHECK (((funding_fee_percent >= (0)::numeric) AND (funding_fee_percent <= (100)::numeric))),
    CONSTRAINT card_offers_usd_in_order CHECK (((usd_min > (0)::numeric) AND (usd_max >= usd_min))),
    CONSTRAINT card_offers_usd_price_positive CHECK ((usd_price > (0)::numeric))
);

CREATE FUNCTION public.find_card_offer(p_provider text, p_usd numeric) RETURNS public.card_offers
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_offer card_offers;
begin
    select * into v_offer from card_offers where provider = p_provider and on_sale;
    if not found then
        raise exception using errcode = 'OS031', message = format('no cards of %s are for sale', p_provider),
            detail = jsonb_build_object('provider', p_provider)::text;
    elsif (p_usd between v_offer.usd_min and v_offer.usd_max and p_usd = round(p_usd, 2)) is not true then
        raise exception using errcode = 'OS030',
            message = format('expected from %s to %s dollars, to the cent, got %s', v_offer.usd_min, v_offer.usd_max,
                             coalesce(left(p_usd::text, 400), 'null')),
            detail = jsonb_build_object('usd', left(p_usd::text, 400), 'min', v_offer.usd_min::text,
                                        'max', v_offer.usd_max::text)::text;
    end if;
    return v_offer;
end $$;

CREATE FUNCTION public.find_card_replay(p_user_id uuid, p_idempotency_key text, p_kind text, p_card_id uuid, p_usd numeric, p_request_digest bytea) RETURNS public.card_fundings
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_funding card_fundings;
    v_field text;
begin
    select * into v_funding from card_fundings where user_id = p_user_id and idempotency_key = p_idempotency_key;
    v_field := case when v_funding.kind <> p_kind or v_funding.card_id <> p_card_id then 'card_id'
                    when v_funding.usd <> p_usd then 'usd'
                    when v_funding.request_digest <> p_request_digest then 'body' end;
    if v_field is not null then
        raise exception using errcode = 'OS005',
            message = format('this idempotency key was already used with another %s', v_field),
            detail = jsonb_build_object('field', v_field)::text;
    end if;
    return v_funding;
end $$;

CREATE FUNCTION public.find_country(p_country text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_country text;
begin
    select country into v_country from countries where country = p_country or code = p_country;
    if not found then
        raise exception using errcode = 'OS011', message = format('no country %s', quote_nullable(p_country)),
            detail = jsonb_build_object('country', p_country)::text;
    end if;
    return v_country;
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
    expires_at timestamp with time zone,
    funding_id uuid
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

CREATE TABLE public.services (
    service text NOT NULL,
    code text NOT NULL,
    title text NOT NULL,
    price numeric(14,2),
    timeout_refund_percent integer,
    margin_percent numeric(8,2),
    margin_fixed numeric(14,2) DEFAULT 0 NOT NULL,
    price_step numeric(14,2) DEFAULT 0.01 NOT NULL,
    warned_at timestamp with time zone,
    rental_price_hour numeric(14,2),
    retry_on_timeout boolean,
    decided_by text DEFAULT 'rule'::text NOT NULL,
    former_price numeric(14,2),
    former_rental_price_hour numeric(14,2),
    CONSTRAINT services_decided_by_known CHECK ((decided_by = ANY (ARRAY['rule'::text, 'operator'::text]))),
    CONSTRAINT services_margin_fixed_not_negative CHECK (((margin_fixed >= (0)::numeric) AND (margin_fixed < 'NaN'::numeric))),
    CONSTRAINT services_margin_percent_not_negative CHECK (((margin_percent >= (0)::numeric) AND (margin_percent < 'NaN'::numeric))),
    CONSTRAINT services_price_positive CHECK (((price > (0)::numeric) AND (price < 'NaN'::numeric))),
    CONSTRAINT services_price_step_positive CHECK (((price_step > (0)::numeric) AND (price_step < 'NaN'::numeric))),
    CONSTRAINT services_rental_price_hour_positive CHECK (((rental_price_hour > (0)::numeric) AND (rental_price_hour < 'NaN'::numeric))),
    CONSTRAINT services_timeout_refund_percent_in_range CHECK (((timeout_refund_percent >= 0) AND (timeout_refund_percent <= 100)))
);

CREATE FUNCTION public.find_service(p_service text) RETURNS public.services
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_service services;
begin
    select * into v_service from services where service = p_service or code = p_service;
    if not found then
        raise exception using errcode = 'OS010', message = format('no service %s', quote_nullable(p_service)),
            detail = jsonb_build_object('service', p_service)::text;
    end if;
    return v_service;
end $$;

CREATE FUNCTION public.finish_account_look(p_provider text, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_covered_until timestamp with time zone, p_hints_from timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update provider_accounts
       set due_at = case when is_hinted then least(p_due_at, coalesce(p_hints_from, p_due_at)) else p_due_at end,
           hints_from = coalesce(p_hints_from, p_due_at),
           is_slow = coalesce(p_hints_from > now() + interval '2 seconds', is_slow),
           covered_until = coalesce(p_covered_until, covered_until)
     where provider = p_provider and due_at = p_leased_until
$$;

CREATE FUNCTION public.finish_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_kinds jsonb;
    v_found integer;
    v_corrected integer;
    v_worst jsonb;
begin
    perform from card_reconciliations where id = p_id and due_at = p_leased_until for update;
    if not found then
        return false;
    end if;
    select coalesce(jsonb_object_agg(kind, times), '{}'), coalesce(sum(times), 0), coalesce(sum(corrected), 0)
      into v_kinds, v_found, v_corrected
      from (select kind, count(*) as times, count(*) filter (where corrected) as corrected
              from card_mismatches where reconciliation_id = p_id group by kind) k;
    select coalesce(jsonb_agg(jsonb_build_object('card_id', card_id, 'kind', kind, 'ours', ours, 'theirs', theirs,
                                                 'corrected', corrected) order by difference desc, card_id), '[]')
      into v_worst
      from (select m.*, case kind when 'balance' then abs(theirs::numeric - ours::numeric)
                                  else 'infinity'::numeric end as difference
              from card_mismatches m where reconciliation_id = p_id
             order by difference desc, card_id limit 50) w;
    update card_reconciliations
       set ended_at = p_now, due_at = null, mismatches = v_found, corrected = v_corrected,
           report = jsonb_build_object('agrees', v_found = 0 and unread = 0, 'kinds', v_kinds, 'worst', v_worst)
     where id = p_id;
    return true;
end $$;

CREATE FUNCTION public.finish_card_reveal(p_reveal_id uuid, p_answer text DEFAULT NULL::text, p_error_code text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_is_answered boolean := p_answer is not null;
begin
    if octet_length(p_answer) > 7168 then
        raise exception using errcode = 'OS014',
            message = format('expected an answer of at most 7168 bytes, got %s', octet_length(p_answer)),
            detail = '{"argument": "p_answer"}';
    end if;
    perform act_on_card('system');
    update card_reveals
       set status = case when v_is_answered then 'answered' else 'refused' end,
           error_code = case when not v_is_answered then coalesce(p_error_code, 'UNAVAILABLE') end,
           ended_at = p_now, due_at = null
     where id = p_reveal_id and status = 'asked' and expires_at > p_now;
    if not found then
        return false;
    end if;
    perform pg_notify('onesms_card_reveals', coalesce(p_answer, jsonb_build_object(
        'id', p_reveal_id, 'error_code', coalesce(p_error_code, 'UNAVAILABLE'))::text));
    return true;
end $$;

CREATE FUNCTION public.finish_card_webhook(p_id bigint, p_status text, p_error text DEFAULT NULL::text, p_card_id uuid DEFAULT NULL::uuid, p_now timestamp with time zone DEFAULT now(), p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update strowallet_webhook_events
       set status = p_status, error = p_error, card_id = coalesce(p_card_id, card_id), applied_at = p_now,
           due_at = null
     where id = p_id and status = 'new' and p_status <> 'new' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;

CREATE FUNCTION public.finish_late_looks(p_activation_ids uuid[], p_leased_until timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with over as (
        delete from late_looks
         where activation_id = any (p_activation_ids) and due_at = p_leased_until and until < due_at
    )
    update late_looks set hinted_at = null
     where activation_id = any (p_activation_ids) and due_at = p_leased_until and until >= due_at
       and hinted_at is not null
$$;

CREATE FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update periodic_jobs
       set finished_at = p_now, result = p_result,
           due_at = case due_at when p_leased_until then p_now + every else due_at end
     where name = p_name
$$;

CREATE FUNCTION public.fold_alerts(p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_seen integer;
    v_begun bigint[];
begin
    with unseen as (
        select id from system_logs
         where folded_at is null and level in ('warning', 'error', 'critical')
         order by id limit p_limit for no key update skip locked
    ), seen as (
        update system_logs l set folded_at = p_now from unseen where l.id = unseen.id returning l.*
    ), chosen as (
        select seen.*, concat_ws(' ', level, source, message,
                   (select jsonb_object_agg(key, value) from jsonb_each(data)
                     where key in ('provider', 'method', 'scope', 'service', 'country')
                        or level = 'critical' and key = 'user_id')) as key
          from seen, (select coalesce((select value from settings where key = 'alert_warnings'), '[]') as sources) s
         where level <> 'warning' or sources ? source or sources ? message
    ), folded as (
        insert into alerts (key, level, source, message, data, first_at, last_at, times)
        select key, level, source, message, (array_agg(data order by id desc))[1], min(at), max(at), count(*)
          from chosen group by key, level, source, message order by key
        on conflict (key) where closed_at is null do update
           set data = excluded.data, last_at = greatest(alerts.last_at, excluded.last_at),
               times = alerts.times + excluded.times
        returning id, source, level, xmax = 0 as is_new
    )
    select (select count(*) from seen),
           (select array_agg(id order by id) from folded
             where is_new and not (source = 'correct_frozen_balance' and level = 'critical'))
      into v_seen, v_begun;
    perform tell_stream(a) from alerts a where a.id = any (v_begun) order by a.id;
    return v_seen;
end $$;

CREATE FUNCTION public.forget_card_reveals(p_limit integer, p_kept interval, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_forgotten integer;
begin
    delete from card_reveals
     where id in (select id from card_reveals where ended_at <= p_now - p_kept
                   order by ended_at limit p_limit for update skip locked);
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;

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

CREATE FUNCTION public.forget_provider_calls(p_kept interval, p_limit integer DEFAULT 1000, p_now timestamp with time zone DEFAULT now()) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_forgotten bigint;
begin
    if p_kept is null or p_kept < interval '1 day' then
        raise exception using errcode = 'OS014', message = format('p_kept: expected a day or more, got %s', p_kept),
            detail = '{"argument": "p_kept"}';
    end if;
    delete from provider_calls
     where at < p_now - p_kept
       and id <= (select coalesce(min(id) filter (where at >= p_now - p_kept) - 1, max(id))
                    from (select id, at from provider_calls order by id limit p_limit) oldest);
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
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

CREATE FUNCTION public.hint_absent(p_activation_ids uuid[], p_every interval, p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with absent as (
        select id from activations
         where id = any (p_activation_ids)
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
           and (hinted_at is null or hinted_at <= p_now - p_every)
         order by hinted_at nulls first limit p_limit for no key update skip locked
    ), hinted as (
        update activations a set due_at = least(a.due_at, p_now - interval '1 millisecond'), hinted_at = p_now
          from absent where a.id = absent.id
        returning 1
    )
    select count(*)::integer from hinted
$$;

CREATE FUNCTION public.hint_order(p_provider text, p_provider_order_id text, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_is_together constant boolean := exists (
        select from provider_accounts where provider = p_provider and covered_until > p_now and not is_slow);
begin
    update activations set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second')
       and not (v_is_together and (status = 'pending' or status = 'received' and another_sms_asked_at is not null));
    if v_is_together and exists (
        select from activations
         where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
    ) then
        update activations set hinted_at = null
         where provider = p_provider and provider_order_id = p_provider_order_id and hinted_at is not null
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null);
        update provider_accounts set is_hinted = true, due_at = least(due_at, greatest(p_now, hints_from))
         where provider = p_provider and not is_hinted;
    end if;
    with closed as (
        update activations set hinted_at = p_now
         where provider = p_provider and provider_order_id = p_provider_order_id
           and closed_at > p_now - interval '1 day'
           and (hinted_at is null or hinted_at <= p_now - interval '10 seconds')
        returning id
    )
    insert into late_looks (activation_id, provider, due_at, until, hinted_at)
    select id, p_provider, p_now, p_now, p_now from closed
        on conflict (activation_id) do update set due_at = p_now, hinted_at = p_now;
    update rentals set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second');
    return exists (select from activations
                    where provider = p_provider and provider_order_id = p_provider_order_id
                      and (due_at is not null or closed_at > p_now - interval '1 day'))
        or exists (select from rentals
                    where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null);
end $$;

CREATE FUNCTION public.import_card(p_card_id uuid, p_provider text, p_provider_card_id text, p_user_id uuid, p_status text, p_balance numeric, p_last4_sealed bytea, p_expiry_sealed bytea, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_owner uuid;
begin
    if p_status is null or p_status not in ('active', 'inactive', 'blocked', 'terminated', 'failed') then
        raise exception using errcode = 'OS014',
            message = format('p_status: expected that of a card that was decided, got %s', p_status),
            detail = '{"argument": "p_status"}';
    end if;
    perform from users where id = p_user_id for no key update;
    if not found then
        return 'unknown_user';
    end if;
    perform act_on_card('operator');
    insert into cards (id, user_id, provider, provider_card_id, status, balance, last4_sealed, expiry_sealed, due_at,
                       created_at, imported_at, closed_at)
    values (p_card_id, p_user_id, p_provider, p_provider_card_id, p_status, p_balance, p_last4_sealed, p_expiry_sealed,
            null, p_now, p_now, case when p_status in ('terminated', 'failed') then p_now end)
        on conflict (provider, provider_card_id) do nothing;
    if found then
        return 'imported';
    end if;
    select user_id into v_owner from cards where provider = p_provider and provider_card_id = p_provider_card_id;
    return case v_owner when p_user_id then 'known' else 'of_another_user' end;
end $$;

CREATE FUNCTION public.import_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_received_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into strowallet_webhook_events (event_id, event, card_id, provider_card_id, payload, signature_valid, source,
                                           status, received_at)
    select p_event_id, p_event,
           (select id from cards where provider = p_provider and provider_card_id = p_provider_card_id),
           p_provider_card_id, p_payload, false, 'import', 'ignored', p_received_at
        on conflict (event_id) do nothing;
    return found;
end $$;

CREATE FUNCTION public.iso_utc(p_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION public.judge_routes(p_rule text, p_success_min double precision, p_tries_min integer, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_route record;
    v_service record;
    v_state text;
    v_changed integer := 0;
begin
    for v_route in
        select provider, service, country, coalesce(r.state, 'enabled') as state, coalesce(t.tries, 0) as tries,
               coalesce(t.delivered, 0) as delivered
          from routes r
          full join (select provider, service, country, count(served) as tries,
                            count(*) filter (where served) as delivered
                       from route_attempts where started_at > p_now - interval '24 hours'
                      group by 1, 2, 3) t using (provider, service, country)
         where coalesce(r.decided_by, 'rule') = 'rule' and (t.tries > 0 or r.state <> 'enabled')
         order by service, country, provider
    loop
        v_state := case
            when p_rule not in ('warn', 'disable') then 'enabled'
            when v_route.tries >= p_tries_min and v_route.delivered < v_route.tries * p_success_min then
                case p_rule when 'disable' then 'disabled' else 'warned' end
            when v_route.tries * 2 >= p_tries_min and v_route.delivered < v_route.tries * p_success_min then
                v_route.state
            else 'enabled' end;
        continue when v_state = v_route.state;
        insert into routes (provider, service, country, state, reason, changed_at)
        values (v_route.provider, v_route.service, v_route.country, v_state,
                format('%s of %s had their SMS', v_route.delivered, v_route.tries), p_now)
        on conflict (service, country, provider) do update
           set state = excluded.state, reason = excluded.reason, changed_at = p_now where routes.decided_by = 'rule';
        insert into system_logs (at, level, source, message, data)
        values (p_now, case v_state when 'enabled' then 'info' else 'warning' end, 'judge_routes',
                format('a route is %s', v_state),
                jsonb_build_object('provider', v_route.provider, 'service', v_route.service,
                                   'country', v_route.country, 'before', v_route.state, 'after', v_state,
                                   'tries', v_route.tries, 'delivered', v_route.delivered));
        v_changed := v_changed + 1;
    end loop;

    for v_service in
        select s.service, s.warned_at is not null as was_warned, count(a.served) as tries,
               count(*) filter (where a.served) as delivered
          from services s
          left join route_attempts a on a.service = s.service and a.started_at > p_now - interval '24 hours'
         where s.decided_by = 'rule'
         group by s.service
         order by s.service
    loop
        v_state := case
            when p_rule in ('warn', 'disable') and v_service.delivered < v_service.tries * p_success_min
                 and v_service.tries * case when v_service.was_warned then 2 else 1 end >= p_tries_min then 'warned'
            else 'enabled' end;
        continue when (v_state = 'warned') = v_service.was_warned;
        update services set warned_at = case v_state when 'warned' then p_now end where service = v_service.service;
        insert into system_logs (at, level, source, message, data)
        values (p_now, case v_state when 'enabled' then 'info' else 'warning' end, 'judge_routes',
                format('a service is %s', v_state),
                jsonb_build_object('service', v_service.service, 'after', v_state, 'tries', v_service.tries,
                                   'delivered', v_service.delivered));
        v_changed := v_changed + 1;
    end loop;
    return v_changed;
end $$;

CREATE FUNCTION public.leave_accounts(p_process uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    delete from account_shares where process = p_process
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

CREATE FUNCTION public.lock_card(p_card_id uuid, p_user_id uuid DEFAULT NULL::uuid) RETURNS public.cards
    LANGUAGE plpgsql
    AS $$
declare
    v_card cards;
begin
    select * into v_card from cards where id = p_card_id and (p_user_id is null or user_id = p_user_id);
    if not found then
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    perform lock_user_wallet(v_card.user_id);
    select * into v_card from cards where id = p_card_id for no key update;
    return v_card;
end $$;

CREATE FUNCTION public.lock_card_funding(p_funding_id uuid) RETURNS public.card_fundings
    LANGUAGE plpgsql
    AS $$
declare
    v_funding card_fundings;
begin
    select * into v_funding from card_fundings where id = p_funding_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no funding %s', p_funding_id),
            detail = jsonb_build_object('order_id', p_funding_id)::text;
    end if;
    perform lock_card(v_funding.card_id);
    select * into v_funding from card_fundings where id = p_funding_id for no key update;
    return v_funding;
end $$;

CREATE FUNCTION public.lock_own_received(p_user_id uuid, p_activation_id uuid) RETURNS public.activations
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
    if v_activation.status in ('ordering', 'pending') then
        raise exception using errcode = 'OS022', message = 'no SMS has come yet',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.status in ('cancelled', 'timeout', 'failed') then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    end if;
    return v_activation;
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
    purchase_seen text[],
    cancel_allowed_at timestamp with time zone,
    finish_requested_at timestamp with time zone,
    extension_hours integer,
    extension_price numeric(14,2),
    extension_status text,
    extension_transaction_id text,
    extension_error_code text,
    extension_requested_at timestamp with time zone,
    extension_started_at timestamp with time zone,
    hinted_at timestamp with time zone,
    extension_cost numeric(14,4),
    extension_untold numeric(14,2) DEFAULT 0 NOT NULL,
    request_id text,
    request_digest bytea,
    CONSTRAINT rentals_active_has_phone CHECK (((status = ANY (ARRAY['ordering'::text, 'cancelled'::text, 'failed'::text])) OR (provider_order_id IS NULL) OR (phone IS NOT NULL))),
    CONSTRAINT rentals_extension_begins_once_requested CHECK (((extension_started_at IS NULL) OR (extension_status = 'requested'::text))),
    CONSTRAINT rentals_extension_ends_with_it CHECK (((extension_status <> 'requested'::text) OR (closed_at IS NULL))),
    CONSTRAINT rentals_extension_is_whole CHECK ((num_nonnulls(extension_hours, extension_price, extension_status, extension_transaction_id, extension_requested_at) = ANY (ARRAY[0, 5]))),
    CONSTRAINT rentals_extension_status_known CHECK ((extension_status = ANY (ARRAY['requested'::text, 'extended'::text, 'refused'::text]))),
    CONSTRAINT rentals_frozen_only_while_unserved CHECK (
CASE
    WHEN (status = ANY (ARRAY['ordering'::text, 'active'::text])) THEN (frozen_amount > (0)::numeric)
    ELSE (frozen_amount = (0)::numeric)
END),
    CONSTRAINT rentals_hours_positive CHECK ((hours > 0)),
    CONSTRAINT rentals_open_is_a_job CHECK ((((closed_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'cancelled'::text, 'expired'::text, 'failed'::text]))) AND ((closed_at IS NOT NULL) = (due_at IS NULL)))),
    CONSTRAINT rentals_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT rentals_status_known CHECK ((status = ANY (ARRAY['ordering'::text, 'active'::text, 'completed'::text, 'cancelled'::text, 'expired'::text, 'failed'::text])))
);

CREATE FUNCTION public.lock_rental(p_rental_id uuid, p_user_id uuid DEFAULT NULL::uuid) RETURNS public.rentals
    LANGUAGE plpgsql
    AS $$
declare
    v_rental rentals;
begin
    select * into v_rental from rentals
     where id = p_rental_id and (p_user_id is null or user_id = p_user_id);
    if not found then
        raise exception using errcode = 'OS007', message = format('no rental %s', p_rental_id),
            detail = jsonb_build_object('order_id', p_rental_id)::text;
    end if;
    perform lock_user_wallet(v_rental.user_id);
    select * into v_rental from rentals where id = p_rental_id for no key update;
    return v_rental;
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

CREATE FUNCTION public.lose_late_sms(p_activation public.activations, p_amount numeric, p_policy text, p_now timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'warning', 'apply_late_sms', 'loss: an SMS was shown and not paid for',
            jsonb_build_object('activation_id', p_activation.id, 'user_id', p_activation.user_id,
                               'amount', p_amount::text, 'policy', p_policy))
$$;

CREATE FUNCTION public.mark_alerts_over(p_channel text, p_ids bigint[], p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update alert_tellings set over_told_at = p_now
     where channel = p_channel and alert_id = any (p_ids) and over_told_at is null;
    update alert_channels set failures = 0, try_at = p_now, error = null where channel = p_channel and failures > 0;
$$;

CREATE FUNCTION public.mark_alerts_told(p_channel text, p_ids bigint[], p_times bigint[], p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    insert into alert_tellings (alert_id, channel, told_at, times)
    select told.id, p_channel, p_now, told.times
      from unnest(p_ids, p_times) as told (id, times) join alerts a on a.id = told.id
     order by told.id
    on conflict (alert_id, channel) do update
       set told_at = p_now, times = greatest(alert_tellings.times, excluded.times);
    update alert_channels set failures = 0, try_at = p_now, error = null where channel = p_channel and failures > 0;
$$;

CREATE FUNCTION public.mark_card_transactions_judged(p_ids bigint[], p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update card_transactions set judged_at = p_now where id = any (p_ids) and judged_at is null
$$;

CREATE FUNCTION public.new_epoch() RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update settings set value = to_jsonb(substr(md5(gen_random_uuid()::text), 1, 8)), updated_at = now()
     where key = 'events_epoch' returning value #>> '{}'
$$;

CREATE FUNCTION public.note_card_rule_hit(p_rule text, p_per text, p_window interval, p_card_id uuid, p_user_id uuid, p_at timestamp with time zone, p_figures jsonb, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rule card_rules;
    v_acted boolean;
begin
    select * into v_rule from card_rules where name = p_rule and enabled for no key update;
    if not found or exists (
        select from card_rule_hits h
         where h.rule = p_rule and h.at > p_at - p_window and h.at < p_at + p_window
           and case p_per when 'card' then h.card_id = p_card_id else h.user_id = p_user_id end
    ) then
        return 'known';
    end if;
    v_acted := not v_rule.dry_run and p_at > p_now - interval '1 day';
    insert into card_rule_hits (rule, card_id, user_id, at, figures, dry_run, acted)
    values (p_rule, p_card_id, p_user_id, p_at, p_figures, v_rule.dry_run, v_acted);
    if v_acted then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'error', 'card_rules', 'CARD_RULE_HIT', p_figures || jsonb_build_object(
            'rule', p_rule, 'scope', p_rule, 'then', v_rule.rule ->> 'then', 'card_id', p_card_id,
            'user_id', p_user_id));
    end if;
    return case when v_acted then 'acted' else 'noted' end;
end $$;

CREATE FUNCTION public.note_presence(p_user_ids uuid[], p_until timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_noted integer;
begin
    delete from presence
     where user_id in (select user_id from presence where until < p_now - interval '1 minute'
                        order by user_id for update skip locked);
    insert into presence (user_id, until)
    select u.id, p_until from unnest(p_user_ids) u (id)
     where exists (select from activations a where a.user_id = u.id and a.status = 'pending')
     group by u.id order by u.id
    on conflict (user_id) do update set until = greatest(presence.until, excluded.until);
    get diagnostics v_noted = row_count;
    return v_noted;
end $$;

CREATE FUNCTION public.offers_json(p_tries_min integer, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with stocked as (
        select service, country, sum(stock) as stock
          from routes
         where state <> 'disabled' and stock is not null and priced_at > p_now - route_prices_max_age()
         group by service, country
    ), tried as (
        select t.service, t.country, count(*) as decided, count(*) filter (where t.served) as delivered
          from route_attempts t
          left join routes r using (service, country, provider)
         where t.started_at > p_now - interval '24 hours' and t.served is not null
           and coalesce(r.state, 'enabled') <> 'disabled'
         group by t.service, t.country
    )
    select coalesce(jsonb_agg(jsonb_build_object(
               'service', s.service, 'country', c.country,
               'price', retail_price(s, c.country, p_now)::text, 'stock', stocked.stock,
               'success', case when tried.decided >= p_tries_min
                               then round(tried.delivered::numeric / tried.decided, 3) end)
               order by s.title, c.title), '[]')
      from services s
     cross join countries c
      left join stocked on stocked.service = s.service and stocked.country = c.country
      left join tried on tried.service = s.service and tried.country = c.country
     where s.price is not null
$$;

CREATE FUNCTION public.open_card_funding(p_card_id uuid, p_user_id uuid, p_kind text, p_usd numeric, p_offer public.card_offers, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) RETURNS public.card_fundings
    LANGUAGE plpgsql
    AS $$
declare
    v_price numeric := case p_kind when 'creation' then p_offer.creation_fee else 0 end
                       + round(p_usd * p_offer.usd_price * (1 + p_offer.funding_fee_percent / 100), 2);
    v_funding card_fundings;
begin
    insert into card_fundings (card_id, user_id, kind, usd, price, frozen_amount, idempotency_key, request_id,
                               request_digest, created_at, due_at)
    values (p_card_id, p_user_id, p_kind, p_usd, v_price, v_price, p_idempotency_key, p_request_id, p_request_digest,
            p_now, case p_kind when 'funding' then p_now end)
    returning * into v_funding;
    perform atomic_freeze(p_user_id, v_price, v_funding.transaction_id, format('card %s, %s USD', p_card_id, p_usd),
                          p_funding_id => v_funding.id);
    return v_funding;
end $$;

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

CREATE FUNCTION public.pass_purchase(p_activation_id uuid, p_leased_until timestamp with time zone, p_outcome text, p_provider text, p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations;
begin
    select * into v_activation from activations where id = p_activation_id for no key update;
    if not found or v_activation.status <> 'ordering' or v_activation.purchase_started_at is null
       or v_activation.due_at is distinct from p_leased_until then
        return null;
    elsif v_activation.cancel_requested_at is not null then
        perform abandon_purchase(p_activation_id, p_now, p_outcome, p_now);
        return null;
    end if;
    update route_attempts set ended_at = p_now, outcome = p_outcome
     where activation_id = p_activation_id and number = v_activation.attempts;
    update activations
       set purchase_started_at = p_now, provider = p_provider, attempts = attempts + 1, due_at = p_now + p_lease
     where id = p_activation_id;
    insert into route_attempts (activation_id, number, provider, service, country, started_at)
    values (p_activation_id, v_activation.attempts + 1, p_provider, v_activation.service, v_activation.country, p_now);
    return p_now + p_lease;
end $$;

CREATE FUNCTION public.place_activation(p_activation public.activations) RETURNS public.activations
    LANGUAGE plpgsql
    AS $$
declare
    v_activation activations;
begin
    perform check_open_orders(p_activation.user_id);
    perform atomic_freeze(
        p_activation.user_id, p_activation.price, 'activation:' || p_activation.id,
        format('%s, %s%s', p_activation.service, p_activation.country, ', retry ' || p_activation.retry_number),
        p_activation_id => p_activation.id);
    insert into activations (id, user_id, service, country, price, frozen_amount, idempotency_key, max_price,
                             retry_countries, retry_of, retry_number, request_id, request_digest, waiting_arm_id,
                             created_at, due_at)
    values (p_activation.id, p_activation.user_id, p_activation.service, p_activation.country, p_activation.price,
            p_activation.price, p_activation.idempotency_key, p_activation.max_price, p_activation.retry_countries,
            p_activation.retry_of, p_activation.retry_number, p_activation.request_id, p_activation.request_digest,
            waiting_arm_of(p_activation.id, p_activation.service), p_activation.created_at, p_activation.created_at)
    returning * into v_activation;
    return v_activation;
end $$;

CREATE FUNCTION public.plan_retry(p_activation public.activations, p_providers text[], p_now timestamp with time zone, OUT country text, OUT price numeric, OUT refused text) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_service services := find_service(p_activation.service);
    v_first uuid := coalesce(p_activation.retry_of, p_activation.id);
    v_number integer := coalesce(p_activation.retry_number, 0);
    v_max integer := (select (value #>> '{}')::numeric::integer from settings where key = 'timeout_retries_max');
    v_chain uuid[] := array(select id from activations where id = v_first or retry_of = v_first);
    v_limit numeric;
    v_country text;
    v_price numeric;
    v_untried text[];
begin
    if exists (select from sms_messages where activation_id = any (v_chain)) then
        refused := 'SERVED_BEFORE';
    elsif p_activation.cancel_requested_at is not null
       or p_activation.error_code in ('EARLY_CANCEL_DENIED', 'CANCEL_REFUSED') then
        refused := 'CANCEL_REQUESTED';
    elsif v_number >= coalesce(v_max, 0) then
        refused := 'RETRIES_USED_UP';
    elsif v_service.price is null then
        refused := 'NOT_FOR_SALE';
    end if;
    if refused is not null then
        return;
    end if;
    v_limit := coalesce(p_activation.max_price, p_activation.price)
        - (select coalesce(sum(committed_amount), 0) from wallet_holds where activation_id = any (v_chain))
        - (p_activation.price - refund_due(p_activation.status, p_activation.service, p_activation.price));
    refused := 'NO_NUMBERS';
    foreach v_country in array p_activation.retry_countries loop
        v_untried := array(select unnest(p_providers)
                           except select unnest(tried_providers(v_first, v_country, v_number + 1)));
        v_price := retail_price(v_service, v_country, p_now, v_untried);
        continue when not exists (
            select from provider_services s
              join provider_countries c on c.provider = s.provider and c.country = v_country
              left join routes r on r.provider = s.provider and r.service = s.service and r.country = v_country
             where s.service = v_service.service and s.provider = any (v_untried)
               and r.state is distinct from 'disabled'
               and (r.priced_at > p_now - route_prices_max_age() and (r.stock = 0 or r.cost > v_price)) is not true);
        if v_price <= v_limit then
            country := v_country;
            price := v_price;
            refused := null;
            return;
        end if;
        refused := 'PRICE_ABOVE_LIMIT';
    end loop;
end $$;

CREATE FUNCTION public.provider_books(p_provider text, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(bought numeric, returned numeric, slack numeric)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select coalesce(sum(o.cost) filter (where o.is_bought), 0) + coalesce(sum(o.cost) filter (where o.is_late), 0),
           coalesce(sum(o.cost) filter (where o.is_bought and o.is_returned), 0),
           coalesce(sum(case when o.is_returned and not o.is_late then 0
                             when o.is_bought and o.cost is not null then case when o.is_moving then o.cost else 0 end
                             when o.is_bought or o.is_moving then o.price
                             else 0 end), 0)
           + coalesce(sum(case when o.is_returned then 0 else o.extensions end), 0)
      from (select provider_order_id is not null as is_bought,
                   status in ('cancelled', 'timeout', 'failed') as is_returned, late_sms_at is not null as is_late,
                   provider_cost as cost, price, 0 as extensions,
                   case status when 'ordering' then purchase_started_at is not null
                               when 'pending' then cancel_requested_at is not null
                                                   or coalesce(waits_until, expires_at) <= p_now
                               else false end as is_moving
              from activations where provider = p_provider
             union all
            select provider_order_id is not null, status in ('cancelled', 'failed'), false, provider_cost, price,
                   extension_untold + case when extension_started_at is null then 0
                                           else greatest(extension_price, extension_cost) end,
                   case status when 'ordering' then purchase_started_at is not null
                               when 'active' then cancel_requested_at is not null or ends_at <= p_now
                               else false end
              from rentals where provider = p_provider) o
$$;

CREATE FUNCTION public.provider_orders(p_provider text, p_since timestamp with time zone, p_provider_order_ids text[], p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(kind text, id uuid, status text, provider_order_id text, cost numeric, held numeric, is_closed boolean, is_overdue boolean, is_moving boolean, is_late boolean, closed_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select 'activation', a.id, a.status, a.provider_order_id, a.provider_cost,
           (select coalesce(sum(h.amount), 0) from wallet_holds h where h.activation_id = a.id and h.state = 'held'),
           a.closed_at is not null, coalesce(a.due_at < p_now - interval '1 minute', false),
           coalesce(a.cancel_requested_at is not null or coalesce(a.waits_until, a.expires_at) <= p_now, false),
           a.late_sms_at is not null, a.closed_at
      from activations a
     where a.provider = p_provider and (a.due_at is not null or a.closed_at >= p_since
           or a.provider_order_id = any (p_provider_order_ids))
     union all
    select 'rental', r.id, r.status, r.provider_order_id, r.provider_cost,
           (select coalesce(sum(h.amount), 0) from wallet_holds h where h.rental_id = r.id and h.state = 'held'),
           r.closed_at is not null, coalesce(r.due_at < p_now - interval '1 minute', false),
           coalesce(r.cancel_requested_at is not null or r.ends_at <= p_now, false), false, r.closed_at
      from rentals r
     where r.provider = p_provider and (r.due_at is not null or r.closed_at >= p_since
           or r.provider_order_id = any (p_provider_order_ids))
$$;

CREATE FUNCTION public.purge_card_documents(p_limit integer, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_purged integer;
begin
    delete from card_documents
     where id in (select id from card_documents where purge_at <= p_now
                   order by purge_at limit p_limit for update skip locked);
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;

CREATE FUNCTION public.purge_card_numbers(p_limit integer, p_closed_before timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_purged integer;
begin
    update cards set name_on_card_sealed = null, last4_sealed = null, expiry_sealed = null
     where id in (select id from cards
                   where closed_at < p_closed_before
                     and (name_on_card_sealed is not null or last4_sealed is not null or expiry_sealed is not null)
                   order by closed_at limit p_limit for no key update skip locked);
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;

CREATE FUNCTION public.purge_card_payloads(p_limit integer, p_kept interval, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_purged integer;
begin
    update strowallet_webhook_events e set payload = '{}'
      from (select id from strowallet_webhook_events
             where payload <> '{}' and status <> 'new' and received_at <= p_now - p_kept
             order by received_at limit p_limit for no key update skip locked) old
     where e.id = old.id;
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;

CREATE FUNCTION public.read_backlog(p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(kind text, status text, open bigint, due bigint, oldest_due_s double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with open_orders as (
        select 'activation' as kind, a.status, a.due_at from activations a where a.due_at is not null
         union all
        select 'rental', r.status, r.due_at from rentals r where r.due_at is not null
    )
    select o.kind, o.status, count(*), count(*) filter (where o.due_at <= p_now),
           greatest(coalesce(extract(epoch from p_now - min(o.due_at)), 0), 0)::double precision
      from open_orders o group by o.kind, o.status
$$;

CREATE FUNCTION public.read_card_customer(p_user_id uuid, p_provider text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select card_customer_json(c) from card_customers c
     where user_id = p_user_id and provider = p_provider
     order by status <> 'failed' desc, created_at desc limit 1
$$;

CREATE FUNCTION public.read_card_documents(p_customer_id uuid) RETURNS TABLE(id uuid, kind text, content_type text, sealed bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select id, kind, content_type, sealed from card_documents where customer_id = p_customer_id order by kind
$$;

CREATE FUNCTION public.read_card_doubts(p_provider text, p_since timestamp with time zone) RETURNS TABLE(card_id uuid, customer_id uuid, provider_customer_id text, name_on_card_sealed bytea, usd numeric, begun_at timestamp with time zone, status text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select c.id, c.customer_id, u.provider_customer_id, c.name_on_card_sealed, f.usd, f.begun_at, c.status
      from cards c
      join card_fundings f on f.card_id = c.id and f.kind = 'creation'
      left join card_customers u on u.id = c.customer_id
     where c.provider = p_provider and c.provider_card_id is null and f.begun_at is not null
       and (c.status = 'pending_activation'
            or c.status = 'failed' and c.error_code in ('CARD_MAY_EXIST', 'REFUNDED') and c.closed_at >= p_since)
     order by f.begun_at
$$;

CREATE FUNCTION public.read_cards_to_compare(p_provider text, p_after_id uuid, p_limit integer, p_card_id uuid DEFAULT NULL::uuid, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, provider_card_id text, status text, balance numeric, checked_at timestamp with time zone, is_moving boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select c.id, c.provider_card_id, c.status, c.balance, c.checked_at,
           c.wanted_action is not null or c.refresh_asked_at is not null or c.status = 'pending_activation'
               or exists (select from card_fundings f
                           where f.card_id = c.id and f.status in ('ordering', 'pending') and f.begun_at is not null)
      from cards c
     where c.provider = p_provider and c.provider_card_id is not null and c.status <> 'failed'
       and (p_card_id is null or c.id = p_card_id)
       and (p_after_id is null or c.id > p_after_id)
       and (c.closed_at is null or c.closed_at > p_now - interval '7 days')
     order by c.id limit p_limit
$$;

CREATE FUNCTION public.read_open_orders(p_provider text, p_just_now interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(id uuid, provider_order_id text, age interval, is_watched boolean, codes text[], texts text[], request_id text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select a.id, a.provider_order_id, p_now - a.purchased_at,
           a.purchased_at > p_now - p_just_now or coalesce(p.until > p_now, false), '{}'::text[], '{}'::text[],
           a.request_id
      from activations a left join presence p using (user_id)
     where a.provider = p_provider and a.status = 'pending'
     union all
    select a.id, a.provider_order_id, p_now - a.another_sms_asked_at,
           a.another_sms_asked_at > p_now - p_just_now or coalesce(p.until > p_now, false), known.codes, known.texts,
           a.request_id
      from activations a left join presence p using (user_id),
           lateral (select coalesce(array_agg(m.code) filter (where m.code is not null), '{}') as codes,
                           coalesce(array_agg(m.text) filter (where m.text <> ''), '{}') as texts
                      from sms_messages m where m.activation_id = a.id) known
     where a.provider = p_provider and a.status = 'received' and a.another_sms_asked_at is not null
$$;

CREATE FUNCTION public.read_routes(p_service text, p_country text, p_providers text[], p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(provider text, service_code text, country_code text, cost numeric, stock integer, told_success real, state text, tries integer, delivered integer, resting boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select s.provider, s.code, c.code, f.cost, f.stock, f.told_success, coalesce(r.state, 'enabled'),
           t.tries::integer, t.delivered::integer, l.resting
      from provider_services s
      join provider_countries c on c.provider = s.provider and c.country = p_country
      left join routes r on r.provider = s.provider and r.service = p_service and r.country = p_country
      left join routes f on f.provider = s.provider and f.service = p_service and f.country = p_country
                        and f.priced_at > p_now - route_prices_max_age()
     cross join lateral (
           select count(*) as tries, count(*) filter (where served) as delivered
             from (select a.served from route_attempts a
                    where a.service = p_service and a.country = p_country and a.provider = s.provider
                      and a.started_at > p_now - interval '24 hours' and a.served is not null
                    order by a.started_at desc limit 500) newest) t
     cross join lateral (
           select count(*) = 3 and bool_and(outcome <> 'sold') as resting
             from (select a.outcome from route_attempts a
                    where a.service = p_service and a.country = p_country and a.provider = s.provider
                      and a.started_at > p_now - interval '10 minutes' and a.outcome is not null
                    order by a.started_at desc limit 3) latest) l
     where s.service = p_service and s.provider = any (p_providers)
     order by s.provider
$$;

CREATE FUNCTION public.read_unjudged_card_transactions(p_limit integer, p_window interval) RETURNS TABLE(id bigint, card_id uuid, user_id uuid, usd numeric, type text, status text, at timestamp with time zone, is_unjudged boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with unjudged as (
        select t.id, t.user_id, t.at from card_transactions t where t.judged_at is null order by t.id limit p_limit
    ), users_since as (
        select u.user_id, min(u.at) - p_window as since from unjudged u group by u.user_id
    )
    select t.id, t.card_id, t.user_id, t.usd, t.type, t.status, t.at,
           exists (select from unjudged u where u.id = t.id)
      from users_since s
      join cards c on c.user_id = s.user_id
      join card_transactions t on t.card_id = c.id and t.at >= s.since
     order by t.at, t.id
$$;

CREATE FUNCTION public.record_another_sms(p_activation_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.another_sms_requested_at is null then
        return false;
    end if;
    update activations
       set another_sms_requested_at = null, error_code = p_error_code,
           another_sms_asked_at = case when p_error_code is null then p_now end,
           due_at = case when finish_requested_at is null then p_due_at else p_now end
     where id = p_activation_id;
    return true;
end $$;

CREATE FUNCTION public.record_card_created(p_card_id uuid, p_provider_card_id text, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
    v_constraint text;
begin
    if v_card.provider_card_id = p_provider_card_id then
        return 'replayed';
    elsif exists (select from cards where provider = v_card.provider and provider_card_id = p_provider_card_id) then
        return 'taken';
    elsif v_card.status <> 'pending_activation' or v_card.provider_card_id is not null then
        return 'decided';
    end if;
    perform act_on_card('provider', v_card.provider);
    update card_fundings set status = 'pending', accepted_at = p_now, provider_reference = p_reference
     where card_id = p_card_id and kind = 'creation' and status = 'ordering' and begun_at is not null;
    if not found and not exists (select from card_fundings
                                  where card_id = p_card_id and kind = 'creation' and status = 'completed') then
        return 'decided';
    end if;
    update cards set provider_card_id = p_provider_card_id, reference = p_reference, due_at = p_due_at
     where id = p_card_id;
    return 'recorded';
exception when unique_violation then
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint <> 'cards_provider_card_is_unique' then
        raise;
    end if;
    return 'taken';  -- since we looked: another user's lock is not ours
end $$;

CREATE FUNCTION public.record_card_customer(p_customer_id uuid, p_provider_customer_id text, p_purge_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update card_customers
       set status = 'registered', provider_customer_id = p_provider_customer_id, registered_at = p_now, due_at = null
     where id = p_customer_id and status = 'submitting';
    if not found then
        return false;
    end if;
    update card_documents set purge_at = p_purge_at where customer_id = p_customer_id;
    return true;
end $$;

CREATE FUNCTION public.record_card_mismatch(p_reconciliation_id bigint, p_card_id uuid, p_kind text, p_ours text, p_theirs text, p_corrected boolean, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    insert into card_mismatches as m (reconciliation_id, card_id, kind, ours, theirs, corrected, at)
    values (p_reconciliation_id, p_card_id, p_kind, p_ours, p_theirs, p_corrected, p_now)
        on conflict (reconciliation_id, card_id, kind) do update set corrected = m.corrected or excluded.corrected
$$;

CREATE FUNCTION public.record_card_state(p_card_id uuid, p_status text, p_balance numeric, p_checked_at timestamp with time zone, p_last4_sealed bytea DEFAULT NULL::bytea, p_expiry_sealed bytea DEFAULT NULL::bytea, p_brand text DEFAULT NULL::text, p_due_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_leased_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_actor_type text DEFAULT 'provider'::text, p_reason text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
    v_is_first boolean := v_card.status = 'pending_activation' and p_status <> 'pending_activation';
    v_status text := coalesce(p_status, v_card.status);
    v_is_refused boolean := false;
    v_creation card_fundings;
    v_is_paid boolean := false;
begin
    if v_status not in ('pending_activation', 'active', 'inactive', 'blocked', 'terminated')
       or p_checked_at is null then
        raise exception using errcode = 'OS014',
            message = format('expected a status that a provider may tell and when it was asked, got %s at %s',
                             quote_nullable(p_status), coalesce(p_checked_at::text, 'null')),
            detail = '{"argument": "p_status"}';
    end if;
    p_checked_at := least(p_checked_at, greatest(p_now, clock_timestamp()));
    if v_card.closed_at is not null then
        return 'ended';
    elsif p_checked_at < v_card.checked_at then
        return 'stale';
    elsif v_card.provider_card_id is null then
        return 'refused';
    end if;
    perform act_on_card(p_actor_type, case p_actor_type when 'provider' then v_card.provider else p_reason end);
    if v_is_first then
        select * into strict v_creation from card_fundings where card_id = p_card_id and kind = 'creation';
        v_is_paid := end_card_funding(v_creation.id, 'completed', null, p_now);
        if v_status <> 'active' then
            update cards set status = 'active', activated_at = p_now where id = p_card_id returning * into v_card;
        end if;
    elsif v_status <> v_card.status then
        v_is_refused := not exists (
            select from card_transitions where from_status = v_card.status and to_status = v_status);
        v_status := case when v_is_refused then v_card.status else v_status end;
    end if;
    perform write_card_state(v_card, v_status, p_balance, p_checked_at, p_last4_sealed, p_expiry_sealed, p_brand,
                             p_due_at, p_leased_until, p_now);
    if v_is_paid then
        perform atomic_commit(v_card.user_id, p_transaction_id => v_creation.transaction_id,
                              p_reason => 'card active');
    end if;
    if v_status = 'terminated' then
        perform refund_unbegun_funding(p_card_id, 'CARD_TERMINATED', p_now);
    end if;
    return case when v_is_refused then 'refused' else 'recorded' end;
end $$;

CREATE FUNCTION public.record_card_transactions(p_card_id uuid, p_transactions jsonb, p_now timestamp with time zone DEFAULT now(), p_tell boolean DEFAULT true) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
    v_written integer;
begin
    insert into card_transactions as known (card_id, user_id, provider_transaction_id, usd, type, method, narrative,
                                            status, at, told_at)
    select distinct on (t.id) p_card_id, v_card.user_id, t.id, t.usd, t.type, t.method, t.narrative, t.status,
           coalesce(t.at, p_now), case when p_tell then p_now end
      from jsonb_to_recordset(p_transactions) as t (
               id text, usd numeric, type text, method text, narrative text, status text, at timestamptz)
     order by t.id, t.at
    on conflict (card_id, provider_transaction_id) do update
       set status = excluded.status, usd = excluded.usd, judged_at = null
     where (known.status, known.usd) <> (excluded.status, excluded.usd);
    get diagnostics v_written = row_count;
    return v_written;
end $$;

CREATE FUNCTION public.record_extension(p_rental_id uuid, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_total_cost numeric DEFAULT NULL::numeric, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_cost numeric := coalesce(p_total_cost, v_rental.provider_cost + v_rental.extension_cost);
begin
    if v_rental.extension_status is distinct from 'requested' or v_rental.extension_started_at is null then
        return false;
    end if;
    update rentals
       set hours = hours + extension_hours, price = price + extension_price, ends_at = greatest(ends_at, p_ends_at),
           extension_status = 'extended', extension_started_at = null, extension_cost = null,
           provider_cost = coalesce(v_cost, provider_cost),
           extension_untold = extension_untold + case when v_cost is null then extension_price else 0 end,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else p_now end
     where id = p_rental_id;
    return true;
end $$;

CREATE FUNCTION public.record_prices(p_provider text, p_services text[], p_countries text[], p_costs numeric[], p_stocks integer[], p_successes real[], p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_priced integer;
begin
    insert into routes as r (provider, service, country, cost, stock, told_success, priced_at)
    select distinct on (s.service, c.country) p_provider, s.service, c.country, o.cost, o.stock, o.success, p_now
      from unnest(p_services, p_countries, p_costs, p_stocks, p_successes) o (service, country, cost, stock, success)
      join provider_services s on s.provider = p_provider and s.code = o.service
      join provider_countries c on c.provider = p_provider and c.code = o.country
     where round(o.cost, 4) > 0 and round(o.cost, 4) < 1e10
     order by s.service, c.country, o.cost
    on conflict (service, country, provider) do update
       set cost = excluded.cost, stock = excluded.stock, told_success = excluded.told_success, priced_at = p_now;
    get diagnostics v_priced = row_count;
    update routes set stock = 0, priced_at = p_now where provider = p_provider and priced_at < p_now;
    return v_priced;
end $$;

CREATE FUNCTION public.record_provider_balance(p_provider text, p_balance numeric, p_spent numeric, p_slack numeric, p_paid_in numeric DEFAULT 0) RETURNS TABLE(at timestamp with time zone, balance numeric, spent numeric, slack numeric, paid_in numeric)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
    v_at timestamptz;
begin
    if p_provider is null or 'NaN'::numeric in (p_balance, p_spent, p_slack, p_paid_in) then
        raise exception using errcode = 'OS014', message = 'p_provider, p_balance: expected a provider and figures',
            detail = jsonb_build_object('argument', 'p_balance')::text;
    end if;
    insert into provider_balances (provider, balance, spent, slack, paid_in)
    values (p_provider, p_balance, p_spent, p_slack, p_paid_in)
    returning provider_balances.at into v_at;
    return query
        select b.at, b.balance, b.spent, b.slack,
               (select coalesce(sum(l.paid_in), 0) from provider_balances l
                 where l.provider = p_provider and l.at > b.at)
          from provider_balances b
         where b.provider = p_provider and b.at < v_at
         order by b.slack > 0, b.at
         limit 1;
end $$;

CREATE FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_waits_until timestamptz;
begin
    if v_activation.status <> 'ordering' or v_activation.purchase_started_at is null then
        return false;
    end if;
    if v_activation.waiting_arm_id is not null then
        select least(p_now + make_interval(secs => wait_s), p_expires_at) into v_waits_until
          from waiting_arms where id = v_activation.waiting_arm_id and wait_s is not null;
    end if;
    update activations
       set status = 'pending', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, expires_at = p_expires_at, waits_until = v_waits_until,
           due_at = case when v_activation.cancel_requested_at is null then least(p_due_at, v_waits_until)
                         else p_now end
     where id = p_activation_id;
    update route_attempts set ended_at = p_now, outcome = 'sold'
     where activation_id = p_activation_id and number = v_activation.attempts;
    return true;
end $$;

CREATE FUNCTION public.record_rental_purchase(p_rental_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.status <> 'ordering' or v_rental.purchase_started_at is null then
        return false;
    end if;
    update rentals
       set status = 'active', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, ends_at = p_ends_at, purchase_seen = null,
           due_at = case when v_rental.cancel_requested_at is null then p_due_at else p_now end
     where id = p_rental_id;
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

CREATE FUNCTION public.refund_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    perform check_reason(p_reason);
    if v_activation.status in ('received', 'completed') then
        raise exception using errcode = 'OS015', message = 'the SMS has been received, so the order is paid',
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.closed_at is not null and v_activation.error_code is distinct from 'REFUNDED_BY_OPERATOR' then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.closed_at is null then
        perform close_activation(p_activation_id, 'cancelled', 'REFUNDED_BY_OPERATOR', p_now, p_reason => p_reason);
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'refund_activation', 'an operator refunded an order', jsonb_build_object(
            'activation_id', p_activation_id, 'user_id', v_activation.user_id, 'reason', p_reason, 'actor', acting(),
            'amount', v_activation.frozen_amount::text, 'before', jsonb_build_object(
                'status', v_activation.status, 'provider', v_activation.provider,
                'provider_order_id', v_activation.provider_order_id,
                'purchase_started_at', iso_utc(v_activation.purchase_started_at),
                'due_at', iso_utc(v_activation.due_at))));
        if v_activation.status = 'ordering' and v_activation.purchase_started_at is not null then
            perform tell_may_be_sold('NUMBER_MAY_BE_SOLD', jsonb_build_object('activation_id', p_activation_id),
                                     v_activation.provider, v_activation.price, p_now);
            insert into numbers_in_doubt (activation_id, provider, service, country, begun_at)
            values (p_activation_id, v_activation.provider, v_activation.service, v_activation.country,
                    v_activation.purchase_started_at);
        end if;
    end if;
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;

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

CREATE FUNCTION public.refund_unbegun_funding(p_card_id uuid, p_error_code text, p_now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_funding card_fundings;
begin
    select * into v_funding from card_fundings where card_id = p_card_id and status = 'ordering' and begun_at is null;
    if found and end_card_funding(v_funding.id, 'failed', p_error_code, p_now) then
        perform atomic_refund(v_funding.user_id, p_transaction_id => v_funding.transaction_id,
                              p_reason => p_error_code);
    end if;
end $$;

CREATE FUNCTION public.refunded_of(p_activation_id uuid) RETURNS numeric
    LANGUAGE sql STABLE
    AS $$
    select coalesce(sum(refunded_amount), 0) from wallet_holds where activation_id = p_activation_id and state <> 'held'
$$;

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
    if v_activation.error_code = 'SERVED_BEFORE' and p_allowed_at is not null then
        update activations set cancel_allowed_at = p_allowed_at, due_at = p_allowed_at where id = p_activation_id;
        return true;
    end if;
    update activations
       set cancel_requested_at = null, cancel_allowed_at = p_allowed_at, error_code = p_error_code, due_at = p_due_at
     where id = p_activation_id;
    return true;
end $$;

CREATE FUNCTION public.refuse_card_action(p_card_id uuid, p_action text, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id);
begin
    if v_card.wanted_action is distinct from p_action or p_action is null then
        return false;
    end if;
    perform act_on_card('provider', v_card.provider);
    update cards
       set wanted_action = null, wanted_by = null, wanted_at = null, action_started_at = null,
           error_code = p_error_code,
           due_at = coalesce(p_due_at, case when refresh_asked_at is not null then p_now end)
     where id = p_card_id;
    return true;
end $$;

CREATE FUNCTION public.refuse_card_use(p_card public.cards) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    raise exception using errcode = 'OS026',
        message = format('the card is %s%s', p_card.status, ', to be ' || p_card.wanted_action || 'ed'),
        detail = jsonb_build_object('card_id', p_card.id, 'status', p_card.status,
                                    'wanted_action', p_card.wanted_action)::text;
end $$;

CREATE FUNCTION public.refuse_extension(p_rental_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone DEFAULT now(), p_started_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.extension_status is distinct from 'requested'
       or v_rental.extension_started_at is distinct from p_started_at then
        return false;
    end if;
    update rentals
       set extension_status = 'refused', extension_error_code = p_error_code, extension_started_at = null,
           extension_cost = null,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else p_now end
     where id = p_rental_id;
    if exists (select from wallet_holds
                where transaction_id = v_rental.extension_transaction_id and state = 'held') then
        perform atomic_refund(v_rental.user_id, p_transaction_id => v_rental.extension_transaction_id,
                              p_reason => 'not extended');
    end if;
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

CREATE FUNCTION public.refuse_rental_cancel(p_rental_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.closed_at is not null or v_rental.cancel_requested_at is null then
        return false;
    end if;
    update rentals
       set cancel_requested_at = null, cancel_allowed_at = p_allowed_at, error_code = p_error_code, due_at = p_due_at
     where id = p_rental_id;
    return true;
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

CREATE FUNCTION public.refuse_unknown_card_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    v_from text := case tg_op when 'UPDATE' then old.status end;
begin
    if v_from is null and new.status <> 'pending_activation' and new.imported_at is null
       or v_from is not null
          and not exists (select from card_transitions where from_status = v_from and to_status = new.status) then
        raise exception using errcode = 'OS008',
            message = format('card %s cannot go from %s to %s', new.id, coalesce(v_from, 'nothing'), new.status),
            detail = jsonb_build_object('card_id', new.id, 'from', v_from, 'to', new.status)::text;
    end if;
    return new;
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
            when 'card_fundings' then (old.status, new.status) in (
                ('ordering', 'pending'), ('ordering', 'completed'), ('ordering', 'failed'),
                ('pending', 'completed'), ('pending', 'failed'))
            end) is not true then
        raise exception using errcode = 'OS008',
            message = format('%s %s cannot go from %s to %s', tg_table_name, old.id, old.status, new.status),
            detail = jsonb_build_object('order_id', old.id, 'from', old.status, 'to', new.status)::text;
    end if;
    return new;
end $$;

CREATE FUNCTION public.refuse_while_extending(p_rental public.rentals) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if p_rental.extension_status = 'requested' then
        raise exception using errcode = 'OS024', message = 'an extension of the rental is not decided yet',
            detail = jsonb_build_object('order_id', p_rental.id)::text;
    end if;
end $$;

CREATE FUNCTION public.rental_countries_json(p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select coalesce(jsonb_object_agg(service, countries), '{}')
      from (select service, jsonb_agg(country order by title) as countries
              from (select distinct s.service, c.country, c.title
                      from provider_accounts a
                      join provider_services s using (provider)
                      join provider_countries k using (provider)
                      join countries c using (country)
                     where a.due_at > p_now - interval '1 day') offered
             group by service) by_service
$$;

CREATE FUNCTION public.rental_json(p_rental public.rentals) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    select jsonb_build_object(
        'id', p_rental.id, 'service', p_rental.service, 'country', p_rental.country, 'phone', p_rental.phone,
        'status', p_rental.status, 'hours', p_rental.hours, 'price', p_rental.price::text,
        'sms', sms_json(null, p_rental.id), 'cancel_requested', p_rental.cancel_requested_at is not null,
        'cancel_allowed_at', iso_utc(p_rental.cancel_allowed_at),
        'finish_requested', p_rental.finish_requested_at is not null,
        'extension', case when p_rental.extension_status is not null then jsonb_build_object(
            'hours', p_rental.extension_hours, 'price', p_rental.extension_price::text,
            'status', p_rental.extension_status, 'error_code', p_rental.extension_error_code,
            'requested_at', iso_utc(p_rental.extension_requested_at)) end,
        'error_code', p_rental.error_code, 'request_id', p_rental.request_id,
        'created_at', iso_utc(p_rental.created_at),
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

CREATE FUNCTION public.replay_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_funding_id uuid) RETURNS jsonb
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
                    when v_hold.expires_at is distinct from p_expires_at then 'expires_at'
                    when v_hold.funding_id is distinct from p_funding_id then 'funding_id' end;
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

CREATE FUNCTION public.request_another_sms(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_own_received(p_user_id, p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.expires_at <= p_now then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif num_nonnulls(v_activation.another_sms_requested_at, v_activation.another_sms_asked_at) = 0 then
        update activations
           set another_sms_requested_at = p_now, error_code = null, due_at = p_now
         where id = p_activation_id
        returning * into v_activation;
    end if;
    return activation_json(v_activation);
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

CREATE FUNCTION public.request_card_action(p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text DEFAULT 'user'::text, p_actor_id text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_card cards := lock_card(p_card_id, p_user_id);
    v_actor_id text := coalesce(p_actor_id, p_user_id::text, acting());
    v_is_so boolean := case p_action when 'block' then v_card.status = 'blocked'
                                     else v_card.status in ('active', 'inactive') end;
begin
    if (p_action in ('block', 'unblock') and p_actor_type in ('user', 'operator', 'system')) is not true then
        raise exception using errcode = 'OS014',
            message = format('expected block or unblock by a user, an operator or the system, got %s by %s',
                             quote_nullable(p_action), quote_nullable(p_actor_type)),
            detail = '{"argument": "p_action"}';
    end if;
    if v_card.wanted_action = p_action or v_card.wanted_action is null and v_is_so then
        return card_json(v_card);
    elsif v_card.wanted_action is not null or v_card.status not in ('active', 'inactive', 'blocked') then
        perform refuse_card_use(v_card);
    end if;
    if p_action = 'unblock' and p_actor_type = 'user' and exists (
        select from (select actor_type from strowallet_card_audit
                      where card_id = p_card_id and action = 'action_wanted' and diff -> 'wanted_action' ->> 1 = 'block'
                      order by id desc limit 1) blocked
         where actor_type <> 'user')
    then
        raise exception using errcode = 'OS026', message = 'the card was blocked for safety: ask support to unblock it',
            detail = jsonb_build_object('card_id', p_card_id, 'status', v_card.status, 'wanted_action', null)::text;
    end if;
    perform act_on_card(p_actor_type, v_actor_id);
    update cards
       set wanted_action = p_action, wanted_by = p_actor_type || ':' || v_actor_id, wanted_at = p_now,
           action_started_at = null, error_code = null, due_at = p_now
     where id = p_card_id
    returning * into v_card;
    perform pg_notify('onesms_card_jobs', 'cards');
    return card_json(v_card);
end $$;

CREATE FUNCTION public.request_card_funding(p_user_id uuid, p_card_id uuid, p_usd numeric, p_idempotency_key text DEFAULT NULL::text, p_request_id text DEFAULT NULL::text, p_request_digest bytea DEFAULT NULL::bytea, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.request_check(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone DEFAULT clock_timestamp()) RETURNS jsonb
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
    if v_activation.closed_at is not null then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.check_requested_at > p_now - interval '5 seconds' then
        raise exception using errcode = 'OS023', message = 'the order has just been looked at',
            detail = jsonb_build_object('order_id', p_activation_id, 'retry_after_s', greatest(1, ceil(extract(
                epoch from v_activation.check_requested_at + interval '5 seconds' - p_now))::integer))::text;
    end if;
    update activations
       set check_requested_at = p_now, due_at = case status when 'ordering' then due_at else p_now end
     where id = p_activation_id
    returning * into v_activation;
    return activation_json(v_activation);
end $$;

CREATE FUNCTION public.request_extension(p_user_id uuid, p_rental_id uuid, p_hours integer, p_idempotency_key text DEFAULT NULL::text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.request_finish(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_activation activations := lock_own_received(p_user_id, p_activation_id);
begin
    if v_activation.closed_at is null and v_activation.finish_requested_at is null then
        update activations set finish_requested_at = p_now, due_at = p_now where id = p_activation_id
        returning * into v_activation;
    end if;
    return activation_json(v_activation);
end $$;

CREATE FUNCTION public.request_rental_cancel(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id, p_user_id);
begin
    if v_rental.status in ('completed', 'expired', 'failed') then
        raise exception using errcode = 'OS016', message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.status = 'ordering' and v_rental.purchase_started_at is null then
        perform close_rental(p_rental_id, 'cancelled', p_now => p_now);
    elsif v_rental.status <> 'cancelled' and v_rental.cancel_requested_at is null then
        if p_now > v_rental.purchased_at + interval '20 minutes' then
            raise exception using errcode = 'OS019', message = 'a rental can be cancelled for 20 minutes only',
                detail = jsonb_build_object(
                    'order_id', p_rental_id,
                    'cancel_until', iso_utc(v_rental.purchased_at + interval '20 minutes'))::text;
        end if;
        perform refuse_while_extending(v_rental);
        update rentals
           set cancel_requested_at = p_now, cancel_allowed_at = null, error_code = null,
               due_at = case status when 'ordering' then due_at else p_now end
         where id = p_rental_id;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;

CREATE FUNCTION public.request_rental_finish(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_rental rentals := lock_rental(p_rental_id, p_user_id);
begin
    if v_rental.status in ('cancelled', 'failed') then
        raise exception using errcode = 'OS016', message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.status = 'ordering' then
        raise exception using errcode = 'OS008', message = 'the rental has no number yet',
            detail = jsonb_build_object('order_id', p_rental_id, 'from', 'ordering', 'to', 'completed')::text;
    elsif v_rental.status = 'active' and v_rental.finish_requested_at is null then
        perform refuse_while_extending(v_rental);
        update rentals set finish_requested_at = p_now, due_at = p_now where id = p_rental_id;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;

CREATE FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update activations set due_at = p_due_at, checked_at = clock_timestamp()
     where id = p_activation_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.reschedule_card(p_card_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update cards
       set due_at = coalesce(p_due_at, case when status = 'pending_activation' or wanted_action is not null
                                                 or refresh_asked_at is not null then due_at end)
     where id = p_card_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.reschedule_card_customer(p_customer_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update card_customers set due_at = p_due_at where id = p_customer_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.reschedule_card_funding(p_funding_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update card_fundings set due_at = p_due_at where id = p_funding_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.reschedule_card_webhook(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update strowallet_webhook_events set due_at = p_due_at where id = p_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.reschedule_rental(p_rental_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    update rentals set due_at = p_due_at where id = p_rental_id and due_at = p_leased_until
$$;

CREATE FUNCTION public.rest_account(p_provider text, p_scope text, p_service text, p_country text, p_lasts interval, p_told_until timestamp with time zone, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    insert into account_rests as r (provider, scope, service, country, until, told_until, reason)
    values (p_provider, p_scope, p_service, p_country, p_now + p_lasts, p_told_until, left(p_reason, 200))
        on conflict on constraint account_rests_pkey do update
       set until = excluded.until, told_until = excluded.told_until, reason = excluded.reason
     where r.until < excluded.until;
    delete from account_rests r
     using (select x.provider, x.scope, x.service, x.country from account_rests x where x.until <= p_now
               for update skip locked) o
     where (r.provider, r.scope, r.service, r.country) = (o.provider, o.scope, o.service, o.country)
$$;

CREATE FUNCTION public.rest_alert_channel(p_channel text, p_error text, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    insert into alert_channels (channel, failures, try_at, error)
    values (p_channel, 1, p_now + interval '10 seconds', p_error)
    on conflict (channel) do update
       set failures = alert_channels.failures + 1, error = p_error,
           try_at = p_now + least(interval '10 seconds' * 2 ^ least(alert_channels.failures, 10), interval '10 minutes')
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

CREATE FUNCTION public.restate_rental_frozen(p_rental_id uuid) RETURNS void
    LANGUAGE sql
    AS $$
    update rentals r
       set frozen_amount = h.amount
      from (select sum(amount) as amount from wallet_holds where rental_id = p_rental_id and state = 'held') h
     where r.id = p_rental_id and r.status in ('ordering', 'active') and r.frozen_amount <> h.amount
$$;

CREATE FUNCTION public.retail_price(p_service public.services, p_country text, p_now timestamp with time zone, p_providers text[] DEFAULT NULL::text[]) RETURNS numeric
    LANGUAGE plpgsql STABLE
    AS $$
declare
    v_cost numeric;
begin
    if p_service.price is null or p_service.margin_percent is null then
        return p_service.price;
    end if;
    select min(cost) into v_cost from routes
     where service = p_service.service and country = p_country and state <> 'disabled' and stock > 0
       and priced_at > p_now - route_prices_max_age() and (p_providers is null or provider = any (p_providers));
    return coalesce(
        ceil((v_cost * (1 + p_service.margin_percent / 100) + p_service.margin_fixed) / p_service.price_step)
            * p_service.price_step,
        p_service.price);
end $$;

CREATE FUNCTION public.retry_countries(p_service public.services, p_country text, p_wanted boolean, p_countries text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if cardinality(p_countries) > 10 or (p_wanted is false and cardinality(p_countries) > 0) then
        raise exception using errcode = 'OS014', detail = '{"argument": "p_retry_countries"}',
            message = 'expected at most 10 countries to try again in, and none where it is not to be tried again';
    elsif not coalesce(p_wanted, p_countries is not null or null, p_service.retry_on_timeout,
                       (select value = 'true' from settings where key = 'retry_on_timeout'), false) then
        return null;
    end if;
    return p_country || array(
        select country from (select find_country(given) as country, number
                               from unnest(p_countries) with ordinality as listed (given, number)) named
         where country <> p_country group by country order by min(number));
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

CREATE FUNCTION public.ring_doorbell(p_user_id uuid, p_seq bigint, p_type text, p_payload jsonb) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_given_back boolean := pg_advisory_unlock_shared(20307, 1);
    v_bell text := '';
begin
    if pg_try_advisory_lock_shared(20307, 4) then
        v_given_back := pg_advisory_unlock_shared(20307, 4);
        v_bell := event_line(row(null, p_user_id, p_seq, p_type, p_payload, now())::events);
    end if;
    return pg_notify('onesms_events', v_bell) is not null;
end $$;

CREATE FUNCTION public.route_prices_max_age() RETURNS interval
    LANGUAGE sql STABLE
    AS $$
    select make_interval(secs => coalesce(
        (select (value #>> '{}')::double precision from settings where key = 'route_prices_max_age_s'), 7200))
$$;

CREATE FUNCTION public.schedule_redaction(p_order_id uuid, p_user_id uuid, p_seq bigint, p_closed_at timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into redactions (order_id, user_id, seqs, closed_at)
    values (p_order_id, p_user_id, array[p_seq], p_closed_at)
    on conflict (order_id) do update set seqs = redactions.seqs || p_seq, closed_at = p_closed_at
$$;

CREATE FUNCTION public.service_prices_json(p_service text, p_now timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select coalesce(
        (select jsonb_build_object('prices', jsonb_object_agg(c.country, retail_price(s, c.country, p_now)::text))
           from services s, countries c
          where s.service = p_service and s.price is not null and s.margin_percent is not null
         having count(*) > 0), '{}')
$$;

CREATE FUNCTION public.set_route_state(p_provider text, p_service text, p_country text, p_state text, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_before routes;
    v_fault text := case
        when p_state not in ('enabled', 'warned', 'disabled') then 'p_state'
        when coalesce(p_reason, '') = '' then 'p_reason'
        when not exists (select from provider_services where provider = p_provider) then 'p_provider'
        when not exists (select from provider_services where provider = p_provider and service = p_service) then
            'p_service'
        when not exists (select from provider_countries where provider = p_provider and country = p_country) then
            'p_country' end;
begin
    if v_fault is not null then
        raise exception using errcode = 'OS014',
            message = format('expected a route, a state that exists and a reason; %s is not one', v_fault),
            detail = jsonb_build_object('argument', v_fault)::text;
    end if;
    insert into routes (provider, service, country, changed_at) values (p_provider, p_service, p_country, p_now)
    on conflict (service, country, provider) do nothing;
    select * into v_before from routes
     where provider = p_provider and service = p_service and country = p_country for no key update;
    update routes
       set state = coalesce(p_state, 'enabled'), decided_by = case when p_state is null then 'rule' else 'operator' end,
           reason = p_reason, changed_at = p_now
     where provider = p_provider and service = p_service and country = p_country;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_route_state', 'an operator decided about a route', jsonb_build_object(
        'provider', p_provider, 'service', p_service, 'country', p_country, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('state', v_before.state, 'decided_by', v_before.decided_by),
        'after', jsonb_build_object('state', coalesce(p_state, 'enabled'),
                                    'decided_by', case when p_state is null then 'rule' else 'operator' end)));
end $$;

CREATE FUNCTION public.set_service_price(p_service text, p_price numeric, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_service text := (find_service(p_service)).service;
    v_before numeric;
begin
    perform check_reason(p_reason);
    if p_price is not null then
        perform check_amount(p_price);
    end if;
    select price into v_before from services where service = v_service for no key update;
    update services set price = p_price where service = v_service;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_service_price', 'an operator set a price', jsonb_build_object(
        'service', v_service, 'reason', p_reason, 'actor', acting(), 'before', v_before::text, 'after', p_price::text));
end $$;

CREATE FUNCTION public.set_service_state(p_service text, p_state text, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_service services;
begin
    perform check_reason(p_reason);
    select * into v_service from services where service = (find_service(p_service)).service for no key update;
    if p_state not in ('enabled', 'warned', 'disabled') then
        raise exception using errcode = 'OS014', message = 'expected enabled, warned, disabled or null',
            detail = '{"argument": "p_state"}';
    elsif p_state in ('enabled', 'warned')
          and num_nonnulls(v_service.price, v_service.rental_price_hour, v_service.former_price,
                           v_service.former_rental_price_hour) = 0 then
        raise exception using errcode = 'OS014', message = 'the service has never had a price: set one',
            detail = '{"argument": "p_service"}';
    end if;
    update services s
       set decided_by = case when p_state is null then 'rule' else 'operator' end,
           warned_at = case p_state when 'warned' then coalesce(s.warned_at, p_now) when 'enabled' then null
                                    else s.warned_at end,
           former_price = case p_state when 'disabled' then coalesce(s.price, s.former_price) else s.former_price end,
           former_rental_price_hour = case p_state
               when 'disabled' then coalesce(s.rental_price_hour, s.former_rental_price_hour)
               else s.former_rental_price_hour end,
           price = case when p_state = 'disabled' then null
                        when p_state is null or s.price is not null or s.rental_price_hour is not null then s.price
                        else s.former_price end,
           rental_price_hour = case when p_state = 'disabled' then null
                                    when p_state is null or s.price is not null or s.rental_price_hour is not null
                                        then s.rental_price_hour
                                    else s.former_rental_price_hour end
     where s.service = v_service.service;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_service_state', 'an operator decided about a service', jsonb_build_object(
        'service', v_service.service, 'reason', p_reason, 'actor', acting(), 'state', p_state,
        'before', jsonb_build_object('price', v_service.price::text,
                                     'rental_price_hour', v_service.rental_price_hour::text,
                                     'warned_at', iso_utc(v_service.warned_at), 'decided_by', v_service.decided_by)));
end $$;

CREATE FUNCTION public.set_waiting_arms(p_service text, p_arms jsonb, p_reason text, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    v_service text := (find_service(p_service)).service;
    v_fault text := case when coalesce(p_reason, '') = '' then 'p_reason'
                         when jsonb_typeof(p_arms) <> 'array' or p_arms = '[]' then 'p_arms' end;
    v_count integer := 0;
begin
    if v_fault is not null then
        raise exception using errcode = 'OS014', message = 'expected an array of arms, or null, and a reason',
            detail = jsonb_build_object('argument', v_fault)::text;
    end if;
    if exists (
        select from jsonb_array_elements(p_arms) arm
         where (jsonb_typeof(arm) = 'object' and arm - '{arm,wait_s,weight}'::text[] = '{}' and arm @@ '
                $.arm like_regex "^.{1,50}$"
                && ($.wait_s == null || $.wait_s >= 1 && $.wait_s <= 7200 && $.wait_s % 1 == 0)
                && (!exists($.weight) || $.weight >= 1 && $.weight <= 1000 && $.weight % 1 == 0)') is not true
    ) or (select count(*) > count(distinct arm ->> 'arm') from jsonb_array_elements(p_arms) arm) then
        raise exception using errcode = 'OS014',
            message = 'expected arms: {"arm": name, "wait_s": 1 to 7200 or null, "weight": 1 to 1000}, each name once',
            detail = '{"argument": "p_arms"}';
    end if;
    perform from services where service = v_service for no key update;  -- two that begin one take turns
    update waiting_arms set ended_at = greatest(p_now, started_at) where service = v_service and ended_at is null;
    if p_arms is not null then
        insert into waiting_arms (service, arm, wait_s, weight, started_at)
        select v_service, arm, wait_s, coalesce(weight, 1), p_now
          from rows from (jsonb_to_recordset(p_arms) as (arm text, wait_s integer, weight integer))
               with ordinality as given (arm, wait_s, weight, number)
         order by number;
        get diagnostics v_count = row_count;
    end if;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_waiting_arms', 'an operator decided how long to wait', jsonb_build_object(
        'service', v_service, 'arms', p_arms, 'reason', p_reason, 'actor', acting()));
    return v_count;
end $_$;

CREATE FUNCTION public.settle_ended_orders(p_user_id uuid, p_actor text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_ended record;
    v_refund numeric;
begin
    for v_ended in
        select h.transaction_id, h.amount, coalesce(a.status, r.status, f.status) as status,
               coalesce(a.service, r.service) as service
          from wallet_holds h
          left join activations a on a.id = h.activation_id and a.user_id = h.user_id
          left join rentals r on r.id = h.rental_id and r.user_id = h.user_id
          left join card_fundings f on f.id = h.funding_id and f.user_id = h.user_id
         where h.user_id = p_user_id and h.state = 'held'
           and coalesce(a.status, r.status, f.status) not in ('ordering', 'pending', 'active')
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
    v_activation activations;
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
         where id = v_hold.activation_id and user_id = p_user_id and status in ('ordering', 'pending')
        returning * into v_activation;
        if found then
            perform settle_owed_sms(v_activation, p_actor, now());
        end if;
    elsif v_hold.rental_id is not null then
        perform restate_rental_frozen(v_hold.rental_id);
        update rentals
           set status = case p_type when 'commit' then 'completed' else 'cancelled' end,
               frozen_amount = 0, closed_at = now(), due_at = null, cancel_requested_at = null,
               extension_status = case extension_status when 'requested' then 'refused' else extension_status end,
               extension_started_at = null
         where id = v_hold.rental_id and user_id = p_user_id and status in ('ordering', 'active')
           and not exists (select from wallet_holds where rental_id = v_hold.rental_id and state = 'held');
    elsif v_hold.funding_id is not null then
        perform end_card_funding(v_hold.funding_id, case p_type when 'commit' then 'completed' else 'failed' end,
                                 case p_type when 'refund' then 'REFUNDED' end, now());
    end if;
    return v_result;
end $$;

CREATE FUNCTION public.settle_owed_sms(p_ended public.activations, p_actor text, p_now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_owing activations;
    v_amount numeric;
begin
    if p_ended.retry_of is null then
        return;
    end if;
    for v_owing in
        select * from activations
         where (id = p_ended.retry_of or retry_of = p_ended.retry_of) and error_code = 'LATE_SMS_OWED'
         order by retry_number nulls first for no key update
    loop
        v_amount := refunded_of(v_owing.id);
        if charge_late_sms(v_owing, v_amount, p_actor) is null then
            perform lose_late_sms(v_owing, v_amount, 'charge', p_now);
        end if;
        update activations set error_code = 'LATE_SMS' where id = v_owing.id;
    end loop;
end $$;

CREATE FUNCTION public.share_accounts(p_process uuid, p_providers text[], p_lease interval, p_now timestamp with time zone DEFAULT now()) RETURNS TABLE(provider text, share numeric, left_s double precision, rests jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    if exists (select from fair_shares(p_process, p_providers, p_now) f
                 left join account_shares s on s.provider = f.provider and s.process = p_process
                where s.share is distinct from f.share or s.until < p_now + p_lease * 2 / 3) then
        perform pg_advisory_xact_lock(20307, 3);
        delete from account_shares s where s.until <= p_now;
        insert into account_shares as s (provider, process, share, until)
        select f.provider, p_process, f.share, p_now + p_lease from fair_shares(p_process, p_providers, p_now) f
            on conflict on constraint account_shares_pkey do update set share = excluded.share, until = excluded.until;
    end if;
    return query
        select s.provider, s.share, extract(epoch from s.until - p_now)::double precision,
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'scope', r.scope, 'service', r.service, 'country', r.country, 'reason', r.reason,
                           'left_s', extract(epoch from r.until - p_now), 'told_until', iso_utc(r.told_until))), '[]')
                  from account_rests r where r.provider = s.provider and r.until > p_now)
          from account_shares s where s.process = p_process and s.provider = any (p_providers);
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
    select jsonb_build_object('phone', o.phone, 'service', o.service, 'country', o.country,
                              'request_id', o.request_id), o.closed_at
      into v_facts, v_closed_at
      from (select phone, service, country, request_id, closed_at from activations where id = new.activation_id
             union all
            select phone, service, country, request_id, closed_at from rentals where id = new.rental_id) o;
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
        'cards', (
            select coalesce(jsonb_agg(card_json(c) order by c.created_at desc, c.id desc), '[]')
              from cards c
             where c.user_id = u.id and (c.closed_at is null or c.closed_at > now() - interval '1 day')))
      from users u where u.id = p_user_id
$$;

CREATE FUNCTION public.stop_follower(p_activation public.activations, p_now timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
    v_follower activations;
begin
    select * into v_follower from activations
     where retry_of = coalesce(p_activation.retry_of, p_activation.id)
       and retry_number > coalesce(p_activation.retry_number, 0) and status in ('ordering', 'pending')
       for no key update;
    if not found then
        return false;
    elsif v_follower.status = 'ordering' and v_follower.purchase_started_at is null then
        perform close_activation(v_follower.id, 'cancelled', 'SERVED_BEFORE', p_now);
        return false;
    end if;
    update activations
       set cancel_requested_at = coalesce(cancel_requested_at, p_now), cancel_allowed_at = null,
           error_code = 'SERVED_BEFORE', due_at = case status when 'ordering' then due_at else p_now end
     where id = v_follower.id;
    return true;
end $$;

CREATE FUNCTION public.sum_card_day(p_day date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    v_from timestamptz := p_day::timestamp at time zone 'UTC';
    v_to timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
    v_rows integer;
begin
    insert into card_daily as d (day, provider, cards_created, cards_ended, fundings, funded_usd, spent_usd, declined,
                                 fees)
    select p_day, p.provider, coalesce(c.created, 0), coalesce(c.ended, 0), coalesce(f.fundings, 0),
           coalesce(f.usd, 0), coalesce(t.spent, 0), coalesce(t.declined, 0), coalesce(f.fees, 0)
      from (select provider from card_offers union select provider from cards) p
      left join (
            select provider, count(*) filter (where imported_at is null and created_at >= v_from
                                                and created_at < v_to) as created,
                   count(*) filter (where closed_at >= v_from and closed_at < v_to
                                      and closed_at is distinct from imported_at) as ended
              from cards group by provider) c using (provider)
      left join (
            select k.provider, count(*) as fundings, sum(f.usd) as usd,
                   sum(f.price - round(f.usd * coalesce(o.usd_price, 0), 2)) as fees
              from card_fundings f join cards k on k.id = f.card_id
              left join card_offers o on o.provider = k.provider
             where f.status = 'completed' and f.ended_at >= v_from and f.ended_at < v_to
             group by k.provider) f using (provider)
      left join (
            select k.provider,
                   sum(-t.usd) filter (where t.usd < 0 and t.status not in ('declined', 'failed', 'reversed')) as spent,
                   count(*) filter (where t.usd <= 0 and t.status in ('declined', 'failed')) as declined
              from card_transactions t join cards k on k.id = t.card_id
             where t.at >= v_from and t.at < v_to
             group by k.provider) t using (provider)
        on conflict (day, provider) do update
           set cards_created = excluded.cards_created, cards_ended = excluded.cards_ended,
               fundings = excluded.fundings, funded_usd = excluded.funded_usd, spent_usd = excluded.spent_usd,
               declined = excluded.declined, fees = excluded.fees;
    get diagnostics v_rows = row_count;
    return v_rows;
end $$;

CREATE FUNCTION public.system_logs_name_request() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    v_order_id text := coalesce(new.data ->> 'activation_id', new.data ->> 'rental_id');
    v_request_id text;
begin
    if v_order_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        select coalesce((select request_id from activations where id = v_order_id::uuid),
                        (select request_id from rentals where id = v_order_id::uuid))
          into v_request_id;
    end if;
    if v_request_id is not null then
        new.data := jsonb_build_object('request_id', v_request_id) || new.data;
    end if;
    return new;
end $_$;

CREATE FUNCTION public.take_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_signature_valid boolean, p_now timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into strowallet_webhook_events (event_id, event, card_id, provider_card_id, payload, signature_valid, status,
                                           received_at, due_at)
    values (p_event_id, p_event,
            (select id from cards where provider = p_provider and provider_card_id = p_provider_card_id),
            p_provider_card_id, p_payload, p_signature_valid,
            case when p_signature_valid then 'new' else 'ignored' end, p_now,
            case when p_signature_valid then p_now end)
    on conflict (event_id) do nothing;
    if found and p_signature_valid then
        perform pg_notify('onesms_card_jobs', 'webhooks');
        return true;
    end if;
    return found;
end $$;

CREATE FUNCTION public.tell_card_money(p_funding public.card_fundings, p_message text, p_reason text, p_now timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into system_logs (at, level, source, message, data)
    select p_now, 'error', 'cards', p_message, jsonb_build_object(
               'card_id', c.id, 'funding_id', p_funding.id, 'user_id', c.user_id, 'provider', c.provider,
               'amount', p_funding.price::text, 'usd', p_funding.usd::text, 'request_id', p_funding.request_id,
               'reason', p_reason)
      from cards c where c.id = p_funding.card_id
$$;

CREATE FUNCTION public.tell_may_be_sold(p_message text, p_order jsonb, p_provider text, p_amount numeric, p_now timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'error', 'operators', p_message, p_order || jsonb_build_object(
        'provider', p_provider, 'amount', p_amount::text,
        'reason', 'refunded while its purchase was in doubt: ' || case when p_order ? 'activation_id'
            then 'if the provider lists it, it is given back there'
            else 'if it was sold, python -m pollers reconcile names it' end))
$$;

CREATE FUNCTION public.tell_overdue(p_after interval, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with overdue as (
        select 'activation' as kind, id, provider, coalesce(expires_at, created_at) as since, frozen_amount
          from activations where due_at is not null and coalesce(expires_at, created_at) < p_now - p_after
         union all
        select 'rental', id, provider, coalesce(ends_at, created_at), frozen_amount
          from rentals where due_at is not null and coalesce(ends_at, created_at) < p_now - p_after
    ), accounts as (
        select coalesce(provider, '') as provider, count(*) as orders, sum(frozen_amount) as frozen,
               min(since) as oldest_at,
               (array_agg(jsonb_build_object(kind || '_id', id) order by since, id))[1:10] as oldest
          from overdue group by 1
    ), told as (
        insert into system_logs (at, level, source, message, data)
        select p_now, 'error', 'tell_overdue', 'ORDERS_OVERDUE', jsonb_build_object(
                   'provider', provider, 'orders', orders, 'frozen', frozen::text, 'oldest_at', iso_utc(oldest_at),
                   'oldest', oldest)
          from accounts
         where not exists (select from system_logs l
                            where l.at > p_now - interval '1 day' and l.source = 'tell_overdue'
                              and l.data ->> 'provider' = accounts.provider)
    )
    select count(*)::integer from overdue
$$;

CREATE FUNCTION public.tell_stream(p_alert public.alerts) RETURNS void
    LANGUAGE sql
    AS $$
    select append_event('00000000-0000-4000-8000-6f7065726174', 'admin.alert', jsonb_build_object(
        'alert', case when p_alert.closed_at is null then 'begun' else 'over' end, 'id', p_alert.id,
        'level', p_alert.level, 'source', p_alert.source, 'message', p_alert.message,
        'about', concat_ws(', ', p_alert.data ->> 'provider', p_alert.data ->> 'service', p_alert.data ->> 'country'),
        'times', p_alert.times, 'first_at', iso_utc(p_alert.first_at), 'last_at', iso_utc(p_alert.last_at),
        'closed_at', iso_utc(p_alert.closed_at), 'closed_by', p_alert.closed_by))
$$;

CREATE FUNCTION public.tried_providers(p_first uuid, p_country text, p_before integer) RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select coalesce(array_agg(distinct t.provider), '{}')
      from (select p_first as id union all
            select id from activations where retry_of = p_first and retry_number < p_before) chain
      join route_attempts t on t.activation_id = chain.id
     where t.country = p_country
$$;

CREATE FUNCTION public.uncover_orders(p_provider text, p_within interval, p_now timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    with account as (
        update provider_accounts set covered_until = null where provider = p_provider
    ), parked as (
        select id from activations
         where provider = p_provider and due_at > p_now + p_within
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
           for no key update skip locked
    ), made_due as (
        update activations a set due_at = p_now + random() * p_within from parked where a.id = parked.id
        returning 1
    )
    select count(*)::integer from made_due
$$;

CREATE FUNCTION public.waiting_arm_of(p_activation_id uuid, p_service text) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    select id
      from (select id, sum(weight) over (order by id) as upto, sum(weight) over () as total
              from waiting_arms where service = p_service and ended_at is null) arms
     where upto > ('x' || substr(md5(p_activation_id::text), 1, 8))::bit(32)::bigint % total
     order by id limit 1
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

CREATE FUNCTION public.was_hinted(p_activation_id uuid, p_due_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select coalesce((select hinted_at = p_due_at from activations where id = p_activation_id), false)
$$;

CREATE FUNCTION public.write_card_state(p_card public.cards, p_status text, p_balance numeric, p_checked_at timestamp with time zone, p_last4_sealed bytea, p_expiry_sealed bytea, p_brand text, p_due_at timestamp with time zone, p_leased_until timestamp with time zone, p_now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_has_ended boolean := p_status = 'terminated';
    v_is_wish_over boolean := v_has_ended or p_status = any (case p_card.wanted_action
        when 'block' then array['blocked'] when 'unblock' then array['active', 'inactive'] end);
    v_is_refreshed boolean := v_has_ended or p_card.refresh_asked_at <= p_checked_at;
    v_is_wanted boolean := p_status = 'pending_activation'
        or p_card.wanted_action is not null and v_is_wish_over is not true;
    v_is_asked_again boolean := p_card.refresh_asked_at > p_checked_at;
begin
    update cards
       set status = p_status, balance = coalesce(p_balance, balance), checked_at = p_checked_at,
           last4_sealed = coalesce(p_last4_sealed, last4_sealed),
           expiry_sealed = coalesce(p_expiry_sealed, expiry_sealed), brand = coalesce(p_brand, brand),
           activated_at = coalesce(activated_at, case p_status when 'active' then p_now end),
           closed_at = case when v_has_ended then p_now end,
           wanted_action = case when v_is_wish_over then null else wanted_action end,
           wanted_by = case when v_is_wish_over then null else wanted_by end,
           wanted_at = case when v_is_wish_over then null else wanted_at end,
           action_started_at = case when v_is_wish_over then null else action_started_at end,
           error_code = case when v_is_wish_over then null else error_code end,
           refresh_asked_at = case when v_is_refreshed then null else refresh_asked_at end,
           due_at = case when v_has_ended then null
                         when due_at = p_leased_until and v_is_asked_again then p_now
                         when due_at = p_leased_until then coalesce(p_due_at, case when v_is_wanted then due_at end)
                         else due_at end
     where id = p_card.id;
end $$;

CREATE TABLE public.account_rests (
    provider text NOT NULL,
    scope text NOT NULL,
    service text DEFAULT ''::text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    until timestamp with time zone NOT NULL,
    told_until timestamp with time zone,
    reason text NOT NULL,
    CONSTRAINT account_rests_scope_known CHECK ((scope = ANY (ARRAY['pause'::text, 'account'::text, 'purchases'::text, 'route'::text])))
)
WITH (fillfactor='50');

CREATE TABLE public.account_shares (
    provider text NOT NULL,
    process uuid NOT NULL,
    share numeric(9,6) NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT account_shares_is_a_part CHECK (((share >= (0)::numeric) AND (share <= (1)::numeric)))
)
WITH (fillfactor='50');

CREATE TABLE public.acknowledged_breaks (
    user_id uuid NOT NULL,
    number bigint NOT NULL,
    balance_difference numeric(14,2) NOT NULL,
    frozen_difference numeric(14,2) NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    acknowledged_at timestamp with time zone NOT NULL,
    CONSTRAINT acknowledged_breaks_are_breaks CHECK (((balance_difference <> (0)::numeric) OR (frozen_difference <> (0)::numeric)))
);

CREATE TABLE public.alert_channels (
    channel text NOT NULL,
    failures integer NOT NULL,
    try_at timestamp with time zone NOT NULL,
    error text,
    CONSTRAINT alert_channels_failures_not_negative CHECK ((failures >= 0))
);

CREATE TABLE public.alert_tellings (
    alert_id bigint NOT NULL,
    channel text NOT NULL,
    told_at timestamp with time zone NOT NULL,
    times bigint NOT NULL,
    over_told_at timestamp with time zone
);

ALTER TABLE public.alerts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alerts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.card_daily (
    day date NOT NULL,
    provider text NOT NULL,
    cards_created integer DEFAULT 0 NOT NULL,
    cards_ended integer DEFAULT 0 NOT NULL,
    fundings integer DEFAULT 0 NOT NULL,
    funded_usd numeric(14,2) DEFAULT 0 NOT NULL,
    spent_usd numeric(14,2) DEFAULT 0 NOT NULL,
    declined integer DEFAULT 0 NOT NULL,
    fees numeric(14,2) DEFAULT 0 NOT NULL
);

CREATE TABLE public.card_documents (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    content_type text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    purge_at timestamp with time zone,
    CONSTRAINT card_documents_kind_known CHECK ((kind = ANY (ARRAY['id_image'::text, 'user_photo'::text])))
);

CREATE TABLE public.card_mismatches (
    reconciliation_id bigint NOT NULL,
    card_id uuid NOT NULL,
    kind text NOT NULL,
    ours text,
    theirs text,
    corrected boolean DEFAULT false NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT card_mismatches_kind_known CHECK ((kind = ANY (ARRAY['balance'::text, 'status'::text, 'missing'::text])))
);

CREATE TABLE public.card_reconciliations (
    id bigint NOT NULL,
    provider text NOT NULL,
    asked_by text NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    cards integer DEFAULT 0 NOT NULL,
    mismatches integer DEFAULT 0 NOT NULL,
    corrected integer DEFAULT 0 NOT NULL,
    report jsonb DEFAULT '{}'::jsonb NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    correct boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone DEFAULT now(),
    after_id uuid,
    moving integer DEFAULT 0 NOT NULL,
    unread integer DEFAULT 0 NOT NULL,
    beyond integer DEFAULT 0 NOT NULL,
    usd_ours numeric(16,2) DEFAULT 0 NOT NULL,
    usd_theirs numeric(16,2) DEFAULT 0 NOT NULL,
    CONSTRAINT card_reconciliations_ended_was_started CHECK (((ended_at IS NULL) OR (started_at IS NOT NULL))),
    CONSTRAINT card_reconciliations_open_is_a_job CHECK (((ended_at IS NULL) = (due_at IS NOT NULL)))
);

ALTER TABLE public.card_reconciliations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.card_reconciliations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.card_reveals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    card_id uuid NOT NULL,
    user_id uuid NOT NULL,
    public_key bytea NOT NULL,
    status text DEFAULT 'asked'::text NOT NULL,
    error_code text,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT now(),
    CONSTRAINT card_reveals_asked_is_a_job CHECK ((((status = 'asked'::text) = (due_at IS NOT NULL)) AND ((status = 'asked'::text) = (ended_at IS NULL)))),
    CONSTRAINT card_reveals_public_key_length CHECK ((length(public_key) = 32)),
    CONSTRAINT card_reveals_status_known CHECK ((status = ANY (ARRAY['asked'::text, 'answered'::text, 'refused'::text])))
);

CREATE TABLE public.card_rule_hits (
    id bigint NOT NULL,
    rule text NOT NULL,
    card_id uuid NOT NULL,
    user_id uuid NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    dry_run boolean NOT NULL,
    acted boolean DEFAULT false NOT NULL
);

ALTER TABLE public.card_rule_hits ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.card_rule_hits_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.card_rules (
    name text NOT NULL,
    rule jsonb NOT NULL,
    dry_run boolean DEFAULT true NOT NULL,
    enabled boolean DEFAULT true NOT NULL
);

ALTER TABLE public.card_transactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.card_transactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.card_transitions (
    from_status text NOT NULL,
    to_status text NOT NULL
);

CREATE TABLE public.countries (
    country text NOT NULL,
    code text NOT NULL,
    title text NOT NULL
);

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE public.kept_answers (
    user_id uuid NOT NULL,
    key text NOT NULL,
    path text NOT NULL,
    digest bytea NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    status smallint,
    body bytea,
    CONSTRAINT kept_answers_status_is_success CHECK (((status >= 200) AND (status <= 299)))
);

CREATE TABLE public.late_looks (
    activation_id uuid NOT NULL,
    provider text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    hinted_at timestamp with time zone
)
WITH (fillfactor='70');

CREATE TABLE public.numbers_in_doubt (
    activation_id uuid NOT NULL,
    provider text NOT NULL,
    service text NOT NULL,
    country text NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    found_id text,
    found_at timestamp with time zone,
    CONSTRAINT numbers_in_doubt_found_at_a_time CHECK (((found_id IS NULL) = (found_at IS NULL)))
);

CREATE UNLOGGED TABLE public.presence (
    user_id uuid NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.provider_accounts (
    provider text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    covered_until timestamp with time zone,
    is_hinted boolean DEFAULT false NOT NULL,
    hints_from timestamp with time zone DEFAULT now() NOT NULL,
    is_slow boolean DEFAULT false NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.provider_balances (
    provider text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    balance numeric(16,4) NOT NULL,
    spent numeric(16,4) NOT NULL,
    slack numeric(16,4) NOT NULL,
    paid_in numeric(16,4) DEFAULT 0 NOT NULL,
    CONSTRAINT provider_balances_slack_not_negative CHECK ((slack >= (0)::numeric))
);

CREATE TABLE public.provider_calls (
    id bigint NOT NULL,
    order_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    provider text NOT NULL,
    method text NOT NULL,
    outcome text NOT NULL,
    answer text,
    seconds real,
    times integer NOT NULL,
    CONSTRAINT provider_calls_times_positive CHECK ((times > 0))
);

ALTER TABLE public.provider_calls ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.provider_calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.provider_countries (
    provider text NOT NULL,
    country text NOT NULL,
    code text NOT NULL
);

CREATE TABLE public.provider_services (
    provider text NOT NULL,
    service text NOT NULL,
    code text NOT NULL
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

CREATE TABLE public.route_attempts (
    activation_id uuid NOT NULL,
    number integer NOT NULL,
    provider text NOT NULL,
    service text NOT NULL,
    country text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    sms_at timestamp with time zone,
    closed_at timestamp with time zone,
    status text,
    served boolean GENERATED ALWAYS AS (
CASE
    WHEN (outcome IS DISTINCT FROM 'sold'::text) THEN NULL::boolean
    WHEN (sms_at IS NOT NULL) THEN true
    WHEN ((status = ANY (ARRAY['timeout'::text, 'ended'::text])) OR ((status = 'cancelled'::text) AND ((closed_at - ended_at) >= '00:01:00'::interval))) THEN false
    ELSE NULL::boolean
END) STORED,
    CONSTRAINT route_attempts_ended_with_an_outcome CHECK (((ended_at IS NULL) = (outcome IS NULL)))
)
WITH (fillfactor='70');

CREATE TABLE public.routes (
    provider text NOT NULL,
    service text NOT NULL,
    country text NOT NULL,
    cost numeric(14,4),
    stock integer,
    told_success real,
    priced_at timestamp with time zone,
    state text DEFAULT 'enabled'::text NOT NULL,
    decided_by text DEFAULT 'rule'::text NOT NULL,
    reason text,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT routes_cost_positive CHECK ((cost > (0)::numeric)),
    CONSTRAINT routes_decided_by_known CHECK ((decided_by = ANY (ARRAY['rule'::text, 'operator'::text]))),
    CONSTRAINT routes_state_known CHECK ((state = ANY (ARRAY['enabled'::text, 'warned'::text, 'disabled'::text]))),
    CONSTRAINT routes_stock_not_negative CHECK ((stock >= 0)),
    CONSTRAINT routes_told_success_is_a_share CHECK (((told_success >= (0)::double precision) AND (told_success <= (1)::double precision)))
)
WITH (fillfactor='70');

CREATE TABLE public.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.settings (
    key text NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT settings_alert_warnings_is_a_list CHECK (((key <> 'alert_warnings'::text) OR (jsonb_typeof(value) = 'array'::text))),
    CONSTRAINT settings_late_sms_known CHECK (((key <> 'late_sms'::text) OR (value = ANY (ARRAY['"charge"'::jsonb, '"give"'::jsonb, '"ignore"'::jsonb])))),
    CONSTRAINT settings_open_orders_per_user_max_counts CHECK (
CASE
    WHEN (key <> 'open_orders_per_user_max'::text) THEN true
    WHEN (jsonb_typeof(value) <> 'number'::text) THEN false
    ELSE (((value)::numeric >= (0)::numeric) AND ((value)::numeric = trunc((value)::numeric)))
END),
    CONSTRAINT settings_retry_on_timeout_is_said CHECK (((key <> 'retry_on_timeout'::text) OR (value = ANY (ARRAY['true'::jsonb, 'false'::jsonb])))),
    CONSTRAINT settings_route_prices_max_age_s_positive CHECK (
CASE
    WHEN (key <> 'route_prices_max_age_s'::text) THEN true
    WHEN (jsonb_typeof(value) <> 'number'::text) THEN false
    ELSE (((value)::numeric >= (1)::numeric) AND ((value)::numeric <= (31536000)::numeric))
END),
    CONSTRAINT settings_timeout_refund_percent_in_range CHECK (
CASE
    WHEN (key <> 'timeout_refund_percent'::text) THEN true
    WHEN (jsonb_typeof(value) <> 'number'::text) THEN false
    ELSE ((((value)::numeric >= (0)::numeric) AND ((value)::numeric <= (100)::numeric)) AND ((value)::numeric = trunc((value)::numeric)))
END),
    CONSTRAINT settings_timeout_retries_max_in_range CHECK (
CASE
    WHEN (key <> 'timeout_retries_max'::text) THEN true
    WHEN (jsonb_typeof(value) <> 'number'::text) THEN false
    ELSE ((((value)::numeric >= (0)::numeric) AND ((value)::numeric <= (10)::numeric)) AND ((value)::numeric = trunc((value)::numeric)))
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

CREATE TABLE public.strowallet_card_audit (
    id bigint NOT NULL,
    card_id uuid NOT NULL,
    action text NOT NULL,
    actor_type text NOT NULL,
    actor_id text,
    diff jsonb DEFAULT '{}'::jsonb NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT strowallet_card_audit_actor_type_known CHECK ((actor_type = ANY (ARRAY['user'::text, 'operator'::text, 'provider'::text, 'system'::text])))
);

ALTER TABLE public.strowallet_card_audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.strowallet_card_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.strowallet_webhook_events (
    id bigint NOT NULL,
    event_id text NOT NULL,
    event text NOT NULL,
    card_id uuid,
    provider_card_id text,
    payload jsonb NOT NULL,
    signature_valid boolean NOT NULL,
    source text DEFAULT 'webhook'::text NOT NULL,
    status text DEFAULT 'new'::text NOT NULL,
    error text,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_at timestamp with time zone,
    due_at timestamp with time zone,
    CONSTRAINT strowallet_webhook_events_new_is_a_job CHECK (((status = 'new'::text) = (due_at IS NOT NULL))),
    CONSTRAINT strowallet_webhook_events_only_signed_count CHECK ((signature_valid OR (status <> 'new'::text))),
    CONSTRAINT strowallet_webhook_events_source_known CHECK ((source = ANY (ARRAY['webhook'::text, 'import'::text]))),
    CONSTRAINT strowallet_webhook_events_status_known CHECK ((status = ANY (ARRAY['new'::text, 'applied'::text, 'ignored'::text, 'failed'::text])))
);

ALTER TABLE public.strowallet_webhook_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.strowallet_webhook_events_id_seq
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
    folded_at timestamp with time zone,
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

CREATE VIEW public.v_activation_outcomes AS
 SELECT id,
    service,
    country,
    provider,
        CASE
            WHEN (status = ANY (ARRAY['received'::text, 'completed'::text])) THEN 'received'::text
            WHEN (status = ANY (ARRAY['ordering'::text, 'pending'::text])) THEN 'open'::text
            WHEN ((status = 'cancelled'::text) AND (error_code = 'ENDED'::text)) THEN 'expired'::text
            WHEN ((status = 'cancelled'::text) AND (error_code = 'REFUNDED_BY_OPERATOR'::text)) THEN 'refunded'::text
            WHEN ((status = 'cancelled'::text) AND (late_sms_at IS NOT NULL)) THEN COALESCE(( SELECT
                    CASE t.status
                        WHEN 'refunded'::text THEN 'refunded'::text
                        WHEN 'ended'::text THEN 'expired'::text
                        ELSE NULL::text
                    END AS "case"
               FROM public.route_attempts t
              WHERE ((t.activation_id = a.id) AND (t.number = a.attempts))), 'cancelled'::text)
            ELSE status
        END AS outcome,
    error_code,
    created_at,
    purchased_at,
    closed_at,
        CASE
            WHEN (status = ANY (ARRAY['received'::text, 'completed'::text])) THEN ( SELECT t.sms_at
               FROM public.route_attempts t
              WHERE ((t.activation_id = a.id) AND (t.number = a.attempts)))
            ELSE NULL::timestamp with time zone
        END AS sms_at,
    late_sms_at,
        CASE
            WHEN (status = ANY (ARRAY['received'::text, 'completed'::text])) THEN price
            ELSE 0.00
        END AS price_paid,
        CASE
            WHEN ((status = ANY (ARRAY['received'::text, 'completed'::text])) OR (late_sms_at IS NOT NULL)) THEN COALESCE(provider_cost, (0)::numeric)
            ELSE 0.0000
        END AS cost
   FROM public.activations a;

CREATE VIEW public.v_country_health AS
 SELECT countries.country,
    countries.title,
    COALESCE(o.orders, (0)::bigint) AS orders,
    COALESCE(o.open, (0)::bigint) AS open,
    COALESCE(o.decided, (0)::bigint) AS decided,
    COALESCE(o.received, (0)::bigint) AS received,
    COALESCE(o.cancelled, (0)::bigint) AS cancelled,
    COALESCE(o.timeout, (0)::bigint) AS timeout,
    COALESCE(o.expired, (0)::bigint) AS expired,
    COALESCE(o.failed, (0)::bigint) AS failed,
    round(((o.received)::numeric / (NULLIF(o.decided, 0))::numeric), 3) AS success,
    o.sms_s[1] AS sms_s_p50,
    o.sms_s[2] AS sms_s_p90,
    COALESCE(o.price_paid, 0.00) AS price_paid,
    COALESCE(o.cost, 0.0000) AS cost,
        CASE
            WHEN (COALESCE(o.decided, (0)::bigint) = 0) THEN 'IDLE'::text
            WHEN ((o.decided >= 5) AND (o.received = 0)) THEN 'CRITICAL'::text
            WHEN ((o.decided >= 20) AND ((o.received)::numeric < ((o.decided)::numeric * 0.2))) THEN 'WARNING'::text
            ELSE 'OK'::text
        END AS status
   FROM (public.countries
     LEFT JOIN ( SELECT v_activation_outcomes.country,
            count(*) AS orders,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'open'::text)) AS open,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome <> ALL (ARRAY['open'::text, 'refunded'::text]))) AS decided,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'received'::text)) AS received,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'cancelled'::text)) AS cancelled,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'timeout'::text)) AS timeout,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'expired'::text)) AS expired,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'failed'::text)) AS failed,
            percentile_cont((ARRAY[0.5, 0.9])::double precision[]) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.sms_at - v_activation_outcomes.purchased_at)))::double precision)) AS sms_s,
            sum(v_activation_outcomes.price_paid) AS price_paid,
            sum(v_activation_outcomes.cost) AS cost
           FROM public.v_activation_outcomes
          WHERE (v_activation_outcomes.created_at > (now() - '24:00:00'::interval))
          GROUP BY v_activation_outcomes.country) o USING (country));

CREATE VIEW public.v_dashboard_stats AS
 SELECT now() AS at,
    u.users,
    u.balance,
    u.frozen,
    ( SELECT count(*) AS count
           FROM public.activations
          WHERE (activations.frozen_amount > (0)::numeric)) AS activations_open,
    ( SELECT count(*) AS count
           FROM public.rentals
          WHERE (rentals.status = ANY (ARRAY['ordering'::text, 'active'::text]))) AS rentals_open,
    (( SELECT count(*) AS count
           FROM public.activations
          WHERE (activations.due_at < (now() - '00:01:00'::interval))) + ( SELECT count(*) AS count
           FROM public.rentals
          WHERE (rentals.due_at < (now() - '00:01:00'::interval)))) AS overdue,
    o.orders,
    o.decided,
    o.received,
    o.cancelled,
    o.timeout,
    o.expired,
    o.failed,
    round(((o.received)::numeric / (NULLIF(o.decided, 0))::numeric), 3) AS success,
    o.buy_s_p50,
    o.sms_s[1] AS sms_s_p50,
    o.sms_s[2] AS sms_s_p90,
    o.price_paid,
    o.cost
   FROM (( SELECT count(*) AS users,
            COALESCE(sum(users.balance), 0.00) AS balance,
            COALESCE(sum(users.frozen_balance), 0.00) AS frozen
           FROM public.users) u
     CROSS JOIN ( SELECT count(*) AS orders,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome <> ALL (ARRAY['open'::text, 'refunded'::text]))) AS decided,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'received'::text)) AS received,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'cancelled'::text)) AS cancelled,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'timeout'::text)) AS timeout,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'expired'::text)) AS expired,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'failed'::text)) AS failed,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.purchased_at - v_activation_outcomes.created_at)))::double precision)) AS buy_s_p50,
            percentile_cont((ARRAY[0.5, 0.9])::double precision[]) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.sms_at - v_activation_outcomes.purchased_at)))::double precision)) AS sms_s,
            COALESCE(sum(v_activation_outcomes.price_paid), 0.00) AS price_paid,
            COALESCE(sum(v_activation_outcomes.cost), 0.0000) AS cost
           FROM public.v_activation_outcomes
          WHERE (v_activation_outcomes.created_at > (now() - '24:00:00'::interval))) o);

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
            ((COALESCE(a.ordered, 0.00) + COALESCE(r.ordered, 0.00)) + COALESCE(f.ordered, 0.00)) AS ordered
           FROM ((((public.users u
             LEFT JOIN ( SELECT wallet_holds.user_id,
                    sum(wallet_holds.amount) AS held,
                    sum(wallet_holds.amount) FILTER (WHERE (num_nonnulls(wallet_holds.activation_id, wallet_holds.rental_id, wallet_holds.funding_id) = 0)) AS held_for_none
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
                  GROUP BY rentals.user_id) r ON ((r.user_id = u.id)))
             LEFT JOIN ( SELECT card_fundings.user_id,
                    sum(card_fundings.frozen_amount) AS ordered
                   FROM public.card_fundings
                  WHERE (card_fundings.frozen_amount > (0)::numeric)
                  GROUP BY card_fundings.user_id) f ON ((f.user_id = u.id)))) wallets;

CREATE VIEW public.v_response_time AS
 SELECT service,
    bought,
    buy_s[1] AS buy_s_p50,
    buy_s[2] AS buy_s_p90,
    buy_s[3] AS buy_s_p99,
    served,
    sms_s[1] AS sms_s_p50,
    sms_s[2] AS sms_s_p90,
    sms_s[3] AS sms_s_p99
   FROM ( SELECT v_activation_outcomes.service,
            count(*) AS bought,
            count(v_activation_outcomes.sms_at) AS served,
            percentile_cont((ARRAY[0.5, 0.9, 0.99])::double precision[]) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.purchased_at - v_activation_outcomes.created_at)))::double precision)) AS buy_s,
            percentile_cont((ARRAY[0.5, 0.9, 0.99])::double precision[]) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.sms_at - v_activation_outcomes.purchased_at)))::double precision)) AS sms_s
           FROM public.v_activation_outcomes
          WHERE ((v_activation_outcomes.created_at > (now() - '24:00:00'::interval)) AND (v_activation_outcomes.purchased_at IS NOT NULL))
          GROUP BY GROUPING SETS ((), (v_activation_outcomes.service))) taken;

CREATE VIEW public.v_route_health AS
 SELECT provider_services.provider,
    provider_services.service,
    provider_countries.country,
    COALESCE(r.state, 'enabled'::text) AS state,
    COALESCE(r.decided_by, 'rule'::text) AS decided_by,
    r.cost,
    r.stock,
    r.priced_at,
    COALESCE(t.tried, (0)::bigint) AS tried,
    COALESCE(t.sold, (0)::bigint) AS sold,
    COALESCE(t.decided, (0)::bigint) AS decided,
    COALESCE(t.delivered, (0)::bigint) AS delivered,
    round(((t.delivered)::numeric / (NULLIF(t.decided, 0))::numeric), 3) AS success,
    t.sms_s_median,
    t.sms_s_p90,
    t.answer_s_median
   FROM (((public.provider_services
     JOIN public.provider_countries USING (provider))
     LEFT JOIN public.routes r USING (provider, service, country))
     LEFT JOIN ( SELECT route_attempts.provider,
            route_attempts.service,
            route_attempts.country,
            count(*) AS tried,
            count(*) FILTER (WHERE (route_attempts.outcome = 'sold'::text)) AS sold,
            count(route_attempts.served) AS decided,
            count(*) FILTER (WHERE route_attempts.served) AS delivered,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (route_attempts.sms_at - route_attempts.ended_at)))::double precision)) AS sms_s_median,
            percentile_cont((0.9)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (route_attempts.sms_at - route_attempts.ended_at)))::double precision)) AS sms_s_p90,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (route_attempts.ended_at - route_attempts.started_at)))::double precision)) FILTER (WHERE (route_attempts.outcome <> ALL (ARRAY['REFUNDED_BY_OPERATOR'::text, 'cancelled'::text, 'SERVED_BEFORE'::text]))) AS answer_s_median
           FROM public.route_attempts
          WHERE (route_attempts.started_at > (now() - '24:00:00'::interval))
          GROUP BY route_attempts.provider, route_attempts.service, route_attempts.country) t USING (provider, service, country));

CREATE VIEW public.v_service_health AS
 SELECT services.service,
    services.title,
    (services.price IS NOT NULL) AS on_sale,
    COALESCE(o.orders, (0)::bigint) AS orders,
    COALESCE(o.open, (0)::bigint) AS open,
    COALESCE(o.decided, (0)::bigint) AS decided,
    COALESCE(o.received, (0)::bigint) AS received,
    COALESCE(o.cancelled, (0)::bigint) AS cancelled,
    COALESCE(o.timeout, (0)::bigint) AS timeout,
    COALESCE(o.expired, (0)::bigint) AS expired,
    COALESCE(o.failed, (0)::bigint) AS failed,
    round(((o.received)::numeric / (NULLIF(o.decided, 0))::numeric), 3) AS success,
    o.sms_s[1] AS sms_s_p50,
    o.sms_s[2] AS sms_s_p90,
    COALESCE(o.price_paid, 0.00) AS price_paid,
    COALESCE(o.cost, 0.0000) AS cost,
        CASE
            WHEN (COALESCE(o.decided, (0)::bigint) = 0) THEN 'IDLE'::text
            WHEN ((o.decided >= 5) AND (o.received = 0)) THEN 'CRITICAL'::text
            WHEN ((o.decided >= 20) AND ((o.received)::numeric < ((o.decided)::numeric * 0.2))) THEN 'WARNING'::text
            ELSE 'OK'::text
        END AS status
   FROM (public.services
     LEFT JOIN ( SELECT v_activation_outcomes.service,
            count(*) AS orders,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'open'::text)) AS open,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome <> ALL (ARRAY['open'::text, 'refunded'::text]))) AS decided,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'received'::text)) AS received,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'cancelled'::text)) AS cancelled,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'timeout'::text)) AS timeout,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'expired'::text)) AS expired,
            count(*) FILTER (WHERE (v_activation_outcomes.outcome = 'failed'::text)) AS failed,
            percentile_cont((ARRAY[0.5, 0.9])::double precision[]) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (v_activation_outcomes.sms_at - v_activation_outcomes.purchased_at)))::double precision)) AS sms_s,
            sum(v_activation_outcomes.price_paid) AS price_paid,
            sum(v_activation_outcomes.cost) AS cost
           FROM public.v_activation_outcomes
          WHERE (v_activation_outcomes.created_at > (now() - '24:00:00'::interval))
          GROUP BY v_activation_outcomes.service) o USING (service));

CREATE TABLE public.waiting_arms (
    id integer NOT NULL,
    service text NOT NULL,
    arm text NOT NULL,
    wait_s integer,
    weight integer DEFAULT 1 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT waiting_arms_arm_is_named CHECK (((length(arm) >= 1) AND (length(arm) <= 50))),
    CONSTRAINT waiting_arms_ends_after_its_start CHECK ((ended_at >= started_at)),
    CONSTRAINT waiting_arms_wait_s_in_range CHECK (((wait_s >= 1) AND (wait_s <= 7200))),
    CONSTRAINT waiting_arms_weight_in_range CHECK (((weight >= 1) AND (weight <= 1000)))
);

CREATE VIEW public.v_waiting_outcomes AS
 SELECT w.service,
    w.arm,
    w.wait_s,
    w.weight,
    w.started_at,
    w.ended_at,
    o.waiting,
    o.orders,
    o.delivered,
    round(((o.delivered)::numeric / n.orders), 3) AS share,
    round(((n.middle - n.spread) / n.whole), 3) AS share_low,
    round(((n.middle + n.spread) / n.whole), 3) AS share_high,
    o.sms_s_median,
    o.earned,
    o.cost
   FROM ((public.waiting_arms w
     CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE (NOT sold.is_over)) AS waiting,
            count(*) FILTER (WHERE sold.is_counted) AS orders,
            count(*) FILTER (WHERE (sold.is_counted AND (sold.sms_at IS NOT NULL))) AS delivered,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (sold.sms_at - sold.bought_at)))::double precision)) FILTER (WHERE sold.is_counted) AS sms_s_median,
            COALESCE(sum(sold.earned) FILTER (WHERE sold.is_counted), 0.00) AS earned,
            COALESCE(sum(sold.cost) FILTER (WHERE sold.is_counted), 0.0000) AS cost
           FROM ( SELECT t.sms_at,
                    t.ended_at AS bought_at,
                    e.is_over,
                    (e.is_over AND (t.served IS NOT NULL)) AS is_counted,
                        CASE
                            WHEN ((a.status = ANY (ARRAY['received'::text, 'completed'::text])) OR (a.late_sms_at IS NOT NULL)) THEN a.provider_cost
                            ELSE (0)::numeric
                        END AS cost,
                    ( SELECT COALESCE(sum(h.committed_amount), (0)::numeric) AS "coalesce"
                           FROM public.wallet_holds h
                          WHERE ((h.activation_id = a.id) OR (h.transaction_id = format('activation:%s:late'::text, a.id)))) AS earned
                   FROM ((public.route_attempts t
                     JOIN public.activations a ON (((a.id = t.activation_id) AND (a.attempts = t.number) AND (a.waiting_arm_id = w.id))))
                     CROSS JOIN LATERAL ( SELECT ((a.status = ANY (ARRAY['timeout'::text, 'cancelled'::text])) OR (COALESCE(a.waits_until, a.expires_at) <= now())) AS is_over) e)
                  WHERE ((t.service = w.service) AND (t.started_at >= w.started_at) AND (t.outcome = 'sold'::text))) sold) o)
     CROSS JOIN LATERAL ( SELECT z.orders,
            (((o.delivered)::numeric / z.orders) + (1.9208 / z.orders)) AS middle,
            ((1)::numeric + (3.8416 / z.orders)) AS whole,
            (1.96 * sqrt((((((o.delivered)::numeric / z.orders) * ((1)::numeric - ((o.delivered)::numeric / z.orders))) / z.orders) + (0.9604 / (z.orders * z.orders))))) AS spread
           FROM ( SELECT (NULLIF(o.orders, 0))::numeric AS orders) z) n);

ALTER TABLE public.waiting_arms ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.waiting_arms_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.account_rests
    ADD CONSTRAINT account_rests_pkey PRIMARY KEY (provider, scope, service, country);

ALTER TABLE ONLY public.account_shares
    ADD CONSTRAINT account_shares_pkey PRIMARY KEY (provider, process);

ALTER TABLE ONLY public.acknowledged_breaks
    ADD CONSTRAINT acknowledged_breaks_pkey PRIMARY KEY (user_id, number);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT activations_provider_order_is_unique UNIQUE (provider, provider_order_id);

ALTER TABLE ONLY public.alert_channels
    ADD CONSTRAINT alert_channels_pkey PRIMARY KEY (channel);

ALTER TABLE ONLY public.alert_tellings
    ADD CONSTRAINT alert_tellings_pkey PRIMARY KEY (alert_id, channel);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);

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

ALTER TABLE ONLY public.card_customers
    ADD CONSTRAINT card_customers_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.card_customers
    ADD CONSTRAINT card_customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_daily
    ADD CONSTRAINT card_daily_pkey PRIMARY KEY (day, provider);

ALTER TABLE ONLY public.card_documents
    ADD CONSTRAINT card_documents_once_per_customer UNIQUE (customer_id, kind);

ALTER TABLE ONLY public.card_documents
    ADD CONSTRAINT card_documents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_fundings
    ADD CONSTRAINT card_fundings_idempotency_key_once_per_user UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.card_fundings
    ADD CONSTRAINT card_fundings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_fundings
    ADD CONSTRAINT card_fundings_transaction_is_one_funding UNIQUE (card_id, provider_transaction_id);

ALTER TABLE ONLY public.card_mismatches
    ADD CONSTRAINT card_mismatches_pkey PRIMARY KEY (reconciliation_id, card_id, kind);

ALTER TABLE ONLY public.card_offers
    ADD CONSTRAINT card_offers_pkey PRIMARY KEY (provider);

ALTER TABLE ONLY public.card_reconciliations
    ADD CONSTRAINT card_reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_reveals
    ADD CONSTRAINT card_reveals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_rule_hits
    ADD CONSTRAINT card_rule_hits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_rules
    ADD CONSTRAINT card_rules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.card_transactions
    ADD CONSTRAINT card_transactions_once_per_card UNIQUE (card_id, provider_transaction_id);

ALTER TABLE ONLY public.card_transactions
    ADD CONSTRAINT card_transactions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card_transitions
    ADD CONSTRAINT card_transitions_pkey PRIMARY KEY (from_status, to_status);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_provider_card_is_unique UNIQUE (provider, provider_card_id);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_code_is_unique UNIQUE (code);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (country);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_id_is_unique UNIQUE (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.kept_answers
    ADD CONSTRAINT kept_answers_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.late_looks
    ADD CONSTRAINT late_looks_pkey PRIMARY KEY (activation_id);

ALTER TABLE ONLY public.numbers_in_doubt
    ADD CONSTRAINT numbers_in_doubt_pkey PRIMARY KEY (activation_id);

ALTER TABLE ONLY public.periodic_jobs
    ADD CONSTRAINT periodic_jobs_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.provider_accounts
    ADD CONSTRAINT provider_accounts_pkey PRIMARY KEY (provider);

ALTER TABLE ONLY public.provider_balances
    ADD CONSTRAINT provider_balances_pkey PRIMARY KEY (provider, at);

ALTER TABLE ONLY public.provider_calls
    ADD CONSTRAINT provider_calls_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.provider_countries
    ADD CONSTRAINT provider_countries_code_is_unique UNIQUE (provider, code);

ALTER TABLE ONLY public.provider_countries
    ADD CONSTRAINT provider_countries_pkey PRIMARY KEY (provider, country);

ALTER TABLE ONLY public.provider_services
    ADD CONSTRAINT provider_services_code_is_unique UNIQUE (provider, code);

ALTER TABLE ONLY public.provider_services
    ADD CONSTRAINT provider_services_pkey PRIMARY KEY (provider, service);

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

ALTER TABLE ONLY public.route_attempts
    ADD CONSTRAINT route_attempts_pkey PRIMARY KEY (activation_id, number);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_pkey PRIMARY KEY (service, country, provider);

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

ALTER TABLE ONLY public.strowallet_card_audit
    ADD CONSTRAINT strowallet_card_audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.strowallet_webhook_events
    ADD CONSTRAINT strowallet_webhook_events_event_is_unique UNIQUE (event_id);

ALTER TABLE ONLY public.strowallet_webhook_events
    ADD CONSTRAINT strowallet_webhook_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.system_logs
    ADD CONSTRAINT system_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_is_unique UNIQUE (name);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.waiting_arms
    ADD CONSTRAINT waiting_arms_arm_is_unique UNIQUE (service, started_at, arm);

ALTER TABLE ONLY public.waiting_arms
    ADD CONSTRAINT waiting_arms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_pkey PRIMARY KEY (transaction_id);

CREATE INDEX activations_awaiting_another ON public.activations USING btree (provider) WHERE ((status = 'received'::text) AND (another_sms_asked_at IS NOT NULL));

CREATE INDEX activations_due ON public.activations USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX activations_frozen ON public.activations USING btree (user_id) INCLUDE (frozen_amount) WHERE (frozen_amount > (0)::numeric);

CREATE INDEX activations_of_a_time ON public.activations USING brin (created_at) WITH (pages_per_range='16');

CREATE INDEX activations_of_user ON public.activations USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX activations_pending_at_provider ON public.activations USING btree (provider) WHERE (status = 'pending'::text);

CREATE UNIQUE INDEX activations_retried_once ON public.activations USING btree (retry_of, retry_number) WHERE (retry_of IS NOT NULL);

CREATE INDEX alert_tellings_not_over ON public.alert_tellings USING btree (channel, alert_id) WHERE (over_told_at IS NULL);

CREATE UNIQUE INDEX alerts_open ON public.alerts USING btree (key) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX balance_operations_once_per_transaction ON public.balance_operations USING btree (transaction_id, type) WHERE (type = ANY (ARRAY['deposit'::text, 'adjust'::text, 'correct'::text]));

CREATE INDEX card_customers_due ON public.card_customers USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE UNIQUE INDEX card_customers_one_of_a_user ON public.card_customers USING btree (user_id, provider) WHERE (status <> 'failed'::text);

CREATE UNIQUE INDEX card_customers_one_of_an_address ON public.card_customers USING btree (provider, email_digest) WHERE (status <> 'failed'::text);

CREATE INDEX card_documents_to_purge ON public.card_documents USING btree (purge_at) WHERE (purge_at IS NOT NULL);

CREATE INDEX card_fundings_due ON public.card_fundings USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX card_fundings_frozen ON public.card_fundings USING btree (user_id) INCLUDE (frozen_amount) WHERE (frozen_amount > (0)::numeric);

CREATE INDEX card_fundings_of_card ON public.card_fundings USING btree (card_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX card_fundings_one_creation_of_a_card ON public.card_fundings USING btree (card_id) WHERE (kind = 'creation'::text);

CREATE UNIQUE INDEX card_fundings_one_open_of_a_card ON public.card_fundings USING btree (card_id) WHERE (status = ANY (ARRAY['ordering'::text, 'pending'::text]));

CREATE INDEX card_mismatches_of_card ON public.card_mismatches USING btree (card_id, at DESC);

CREATE INDEX card_reconciliations_of_provider ON public.card_reconciliations USING btree (provider, id DESC);

CREATE UNIQUE INDEX card_reconciliations_one_open_of_a_provider ON public.card_reconciliations USING btree (provider) WHERE (ended_at IS NULL);

CREATE INDEX card_reveals_due ON public.card_reveals USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX card_reveals_ended ON public.card_reveals USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX card_reveals_of_user ON public.card_reveals USING btree (user_id, asked_at DESC);

CREATE INDEX card_rule_hits_of_card ON public.card_rule_hits USING btree (rule, card_id, at DESC);

CREATE INDEX card_rule_hits_of_user ON public.card_rule_hits USING btree (rule, user_id, at DESC);

CREATE INDEX card_transactions_by_time ON public.card_transactions USING btree (at);

CREATE INDEX card_transactions_of_card ON public.card_transactions USING btree (card_id, at DESC, id DESC);

CREATE INDEX card_transactions_unjudged ON public.card_transactions USING btree (id) WHERE (judged_at IS NULL);

CREATE INDEX cards_closed ON public.cards USING btree (closed_at) WHERE ((closed_at IS NOT NULL) AND ((name_on_card_sealed IS NOT NULL) OR (last4_sealed IS NOT NULL) OR (expiry_sealed IS NOT NULL)));

CREATE INDEX cards_due ON public.cards USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX cards_of_user ON public.cards USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX kept_answers_by_age ON public.kept_answers USING btree (begun_at);

CREATE INDEX kept_answers_by_user ON public.kept_answers USING btree (user_id, begun_at);

CREATE INDEX late_looks_due ON public.late_looks USING btree (provider, due_at);

CREATE INDEX provider_calls_of_order ON public.provider_calls USING btree (order_id);

CREATE INDEX redactions_due ON public.redactions USING btree (closed_at) WHERE (closed_at IS NOT NULL);

CREATE INDEX rentals_due ON public.rentals USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX rentals_frozen ON public.rentals USING btree (user_id) INCLUDE (frozen_amount) WHERE (frozen_amount > (0)::numeric);

CREATE INDEX rentals_of_user ON public.rentals USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX revocations_by_age ON public.revocations USING btree (at);

CREATE INDEX revocations_by_xid ON public.revocations USING btree (xid);

CREATE INDEX route_attempts_of_a_time ON public.route_attempts USING brin (started_at) WITH (pages_per_range='16');

CREATE INDEX route_attempts_of_route ON public.route_attempts USING btree (service, country, provider, started_at);

CREATE INDEX strowallet_card_audit_blocked ON public.strowallet_card_audit USING btree (at) WHERE (((diff -> 'status'::text) ->> 1) = 'blocked'::text);

CREATE INDEX strowallet_card_audit_of_card ON public.strowallet_card_audit USING btree (card_id, id);

CREATE INDEX strowallet_webhook_events_by_time ON public.strowallet_webhook_events USING btree (received_at);

CREATE INDEX strowallet_webhook_events_due ON public.strowallet_webhook_events USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX strowallet_webhook_events_of_card ON public.strowallet_webhook_events USING btree (card_id, id) WHERE (card_id IS NOT NULL);

CREATE INDEX strowallet_webhook_events_with_payload ON public.strowallet_webhook_events USING btree (received_at) WHERE (payload <> '{}'::jsonb);

CREATE INDEX system_logs_alerts ON public.system_logs USING btree (((data ->> 'user_id'::text)), at DESC) WHERE (level = 'critical'::text);

CREATE INDEX system_logs_by_time ON public.system_logs USING btree (at DESC);

CREATE INDEX system_logs_unfolded ON public.system_logs USING btree (id) WHERE ((folded_at IS NULL) AND (level = ANY (ARRAY['warning'::text, 'error'::text, 'critical'::text])));

CREATE INDEX tickets_by_end ON public.tickets USING btree (expires_at);

CREATE INDEX tickets_by_user ON public.tickets USING btree (user_id, expires_at);

CREATE UNIQUE INDEX waiting_arms_running ON public.waiting_arms USING btree (service, arm) WHERE (ended_at IS NULL);

CREATE INDEX wallet_holds_expiring ON public.wallet_holds USING btree (expires_at) WHERE ((state = 'held'::text) AND (expires_at IS NOT NULL));

CREATE INDEX wallet_holds_of_activation ON public.wallet_holds USING btree (activation_id) WHERE (activation_id IS NOT NULL);

CREATE INDEX wallet_holds_of_rental ON public.wallet_holds USING btree (rental_id) WHERE (rental_id IS NOT NULL);

CREATE INDEX wallet_holds_open ON public.wallet_holds USING btree (user_id) INCLUDE (amount, activation_id, rental_id, funding_id) WHERE (state = 'held'::text);

CREATE UNIQUE INDEX wallet_holds_settled_by_is_unique ON public.wallet_holds USING btree (settled_by) WHERE (settled_by <> transaction_id);

CREATE TRIGGER acknowledged_breaks_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.acknowledged_breaks FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER activations_append_event_created AFTER INSERT ON public.activations FOR EACH ROW EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_append_event_updated AFTER UPDATE ON public.activations FOR EACH ROW WHEN ((((((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.expires_at IS DISTINCT FROM old.expires_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.cancel_allowed_at IS DISTINCT FROM old.cancel_allowed_at)) OR (new.another_sms_requested_at IS DISTINCT FROM old.another_sms_requested_at)) OR (new.another_sms_asked_at IS DISTINCT FROM old.another_sms_asked_at)) OR (new.finish_requested_at IS DISTINCT FROM old.finish_requested_at)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.activations_append_event();

CREATE TRIGGER activations_refuse_unknown_transition BEFORE UPDATE OF status ON public.activations FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER balance_operations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.balance_operations FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER card_fundings_append_event_created AFTER INSERT ON public.card_fundings FOR EACH ROW WHEN ((new.kind = 'funding'::text)) EXECUTE FUNCTION public.card_fundings_append_event();

CREATE TRIGGER card_fundings_append_event_updated AFTER UPDATE ON public.card_fundings FOR EACH ROW WHEN (((new.kind = 'funding'::text) AND (new.status <> old.status))) EXECUTE FUNCTION public.card_fundings_append_event();

CREATE TRIGGER card_fundings_audit_created AFTER INSERT ON public.card_fundings FOR EACH ROW WHEN ((new.kind = 'funding'::text)) EXECUTE FUNCTION public.card_fundings_audit();

CREATE TRIGGER card_fundings_audit_updated AFTER UPDATE ON public.card_fundings FOR EACH ROW WHEN ((new.status <> old.status)) EXECUTE FUNCTION public.card_fundings_audit();

CREATE TRIGGER card_fundings_refuse_unknown_transition BEFORE UPDATE OF status ON public.card_fundings FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER card_reveals_audit_created AFTER INSERT ON public.card_reveals FOR EACH ROW EXECUTE FUNCTION public.card_reveals_audit();

CREATE TRIGGER card_reveals_audit_updated AFTER UPDATE ON public.card_reveals FOR EACH ROW WHEN ((new.status <> old.status)) EXECUTE FUNCTION public.card_reveals_audit();

CREATE TRIGGER card_transactions_append_event_created AFTER INSERT ON public.card_transactions FOR EACH ROW WHEN ((new.told_at IS NOT NULL)) EXECUTE FUNCTION public.card_transactions_append_event();

CREATE TRIGGER card_transactions_append_event_updated AFTER UPDATE ON public.card_transactions FOR EACH ROW WHEN (((new.told_at IS NOT NULL) AND ((new.status <> old.status) OR (new.usd <> old.usd)))) EXECUTE FUNCTION public.card_transactions_append_event();

CREATE TRIGGER cards_append_event_created AFTER INSERT ON public.cards FOR EACH ROW EXECUTE FUNCTION public.cards_append_event();

CREATE TRIGGER cards_append_event_updated AFTER UPDATE ON public.cards FOR EACH ROW WHEN ((((((((new.status IS DISTINCT FROM old.status) OR (new.balance IS DISTINCT FROM old.balance)) OR (new.wanted_action IS DISTINCT FROM old.wanted_action)) OR (new.error_code IS DISTINCT FROM old.error_code)) OR (new.brand IS DISTINCT FROM old.brand)) OR ((new.provider_card_id IS NULL) IS DISTINCT FROM (old.provider_card_id IS NULL))) OR ((old.refresh_asked_at IS NOT NULL) AND (new.refresh_asked_at IS NULL)))) EXECUTE FUNCTION public.cards_append_event();

CREATE TRIGGER cards_audit_created AFTER INSERT ON public.cards FOR EACH ROW EXECUTE FUNCTION public.cards_audit();

CREATE TRIGGER cards_audit_updated AFTER UPDATE ON public.cards FOR EACH ROW WHEN (((((new.status IS DISTINCT FROM old.status) OR (new.wanted_action IS DISTINCT FROM old.wanted_action)) OR (new.balance IS DISTINCT FROM old.balance)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.cards_audit();

CREATE TRIGGER cards_begin_pending BEFORE INSERT ON public.cards FOR EACH ROW EXECUTE FUNCTION public.refuse_unknown_card_transition();

CREATE TRIGGER cards_refuse_unknown_transition BEFORE UPDATE OF status ON public.cards FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_card_transition();

CREATE TRIGGER rentals_append_event_created AFTER INSERT ON public.rentals FOR EACH ROW EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_append_event_updated AFTER UPDATE ON public.rentals FOR EACH ROW WHEN (((((((((((new.status IS DISTINCT FROM old.status) OR (new.phone IS DISTINCT FROM old.phone)) OR (new.hours IS DISTINCT FROM old.hours)) OR (new.ends_at IS DISTINCT FROM old.ends_at)) OR (new.cancel_requested_at IS DISTINCT FROM old.cancel_requested_at)) OR (new.cancel_allowed_at IS DISTINCT FROM old.cancel_allowed_at)) OR (new.finish_requested_at IS DISTINCT FROM old.finish_requested_at)) OR (new.extension_transaction_id IS DISTINCT FROM old.extension_transaction_id)) OR (new.extension_status IS DISTINCT FROM old.extension_status)) OR (new.error_code IS DISTINCT FROM old.error_code))) EXECUTE FUNCTION public.rentals_append_event();

CREATE TRIGGER rentals_refuse_unknown_transition BEFORE UPDATE OF status ON public.rentals FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.refuse_unknown_transition();

CREATE TRIGGER sms_messages_append_event AFTER INSERT ON public.sms_messages FOR EACH ROW EXECUTE FUNCTION public.sms_messages_append_event();

CREATE TRIGGER strowallet_card_audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.strowallet_card_audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

CREATE TRIGGER system_logs_name_request BEFORE INSERT ON public.system_logs FOR EACH ROW WHEN (((new.data ? 'activation_id'::text) OR (new.data ? 'rental_id'::text))) EXECUTE FUNCTION public.system_logs_name_request();

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

ALTER TABLE ONLY public.alert_tellings
    ADD CONSTRAINT alert_tellings_alert_exists FOREIGN KEY (alert_id) REFERENCES public.alerts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.card_customers
    ADD CONSTRAINT card_customers_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.card_documents
    ADD CONSTRAINT card_documents_customer_exists FOREIGN KEY (customer_id) REFERENCES public.card_customers(id);

ALTER TABLE ONLY public.card_fundings
    ADD CONSTRAINT card_fundings_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.card_fundings
    ADD CONSTRAINT card_fundings_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.card_mismatches
    ADD CONSTRAINT card_mismatches_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id);

ALTER TABLE ONLY public.card_mismatches
    ADD CONSTRAINT card_mismatches_reconciliation_exists FOREIGN KEY (reconciliation_id) REFERENCES public.card_reconciliations(id);

ALTER TABLE ONLY public.card_reveals
    ADD CONSTRAINT card_reveals_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id);

ALTER TABLE ONLY public.card_rule_hits
    ADD CONSTRAINT card_rule_hits_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id);

ALTER TABLE ONLY public.card_transactions
    ADD CONSTRAINT card_transactions_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_customer_exists FOREIGN KEY (customer_id) REFERENCES public.card_customers(id);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.late_looks
    ADD CONSTRAINT late_looks_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id);

ALTER TABLE ONLY public.numbers_in_doubt
    ADD CONSTRAINT numbers_in_doubt_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id);

ALTER TABLE ONLY public.provider_countries
    ADD CONSTRAINT provider_countries_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.provider_services
    ADD CONSTRAINT provider_services_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.rentals
    ADD CONSTRAINT rentals_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.route_attempts
    ADD CONSTRAINT route_attempts_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_country_exists FOREIGN KEY (country) REFERENCES public.countries(country);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_rental_exists FOREIGN KEY (rental_id) REFERENCES public.rentals(id);

ALTER TABLE ONLY public.sms_messages
    ADD CONSTRAINT sms_messages_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.strowallet_card_audit
    ADD CONSTRAINT strowallet_card_audit_card_exists FOREIGN KEY (card_id) REFERENCES public.cards(id);

ALTER TABLE ONLY public.waiting_arms
    ADD CONSTRAINT waiting_arms_service_exists FOREIGN KEY (service) REFERENCES public.services(service);

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_activation_exists FOREIGN KEY (activation_id) REFERENCES public.activations(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.wallet_holds
    ADD CONSTRAINT wallet_holds_rental_exists FOREIGN KEY (rental_id) REFERENCES public.rentals(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE public.activations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.balance_operations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.card_fundings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.card_transactions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cards ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.receipts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rentals ENABLE ROW LEVEL SECURITY;

CREATE POLICY services_see_all ON public.activations TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.balance_operations TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.card_fundings TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.card_transactions TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

CREATE POLICY services_see_all ON public.cards TO onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet USING (true) WITH CHECK (true);

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

CREATE POLICY users_see_their_own ON public.card_fundings FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.card_transactions FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

CREATE POLICY users_see_their_own ON public.cards FOR SELECT TO onesms_user USING ((user_id = ( SELECT public.claimed_user_id() AS claimed_user_id)));

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

REVOKE ALL ON FUNCTION public.abandon_card_action(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_card_action(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_card_creation(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_card_creation(p_card_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_card_customer(p_customer_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_card_customer(p_customer_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_card_funding(p_funding_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_card_funding(p_funding_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_extension(p_rental_id uuid, p_started_at timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_extension(p_rental_id uuid, p_started_at timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone, p_outcome text, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_purchase(p_activation_id uuid, p_due_at timestamp with time zone, p_outcome text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.abandon_rental_purchase(p_rental_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.abandon_rental_purchase(p_rental_id uuid, p_due_at timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.accept_card_funding(p_funding_id uuid, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.accept_card_funding(p_funding_id uuid, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.acknowledge_break(p_user_id uuid, p_number bigint, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.acknowledge_break(p_user_id uuid, p_number bigint, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.act_on_card(p_actor_type text, p_actor_id text) FROM PUBLIC;

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

GRANT SELECT(max_price) ON TABLE public.activations TO onesms_user;

GRANT SELECT(retry_countries) ON TABLE public.activations TO onesms_user;

GRANT SELECT(retry_of) ON TABLE public.activations TO onesms_user;

GRANT SELECT(retry_number) ON TABLE public.activations TO onesms_user;

GRANT SELECT(retried_by) ON TABLE public.activations TO onesms_user;

GRANT SELECT(retry_refused) ON TABLE public.activations TO onesms_user;

GRANT SELECT(waits_until) ON TABLE public.activations TO onesms_user;

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

REVOKE ALL ON FUNCTION public.advance_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_after_id uuid, p_cards integer, p_moving integer, p_unread integer, p_beyond integer, p_usd_ours numeric, p_usd_theirs numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION public.advance_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_after_id uuid, p_cards integer, p_moving integer, p_unread integer, p_beyond integer, p_usd_ours numeric, p_usd_theirs numeric) TO onesms_pollers;

GRANT SELECT ON TABLE public.alerts TO onesms_operator;

GRANT SELECT(level) ON TABLE public.alerts TO onesms_pollers;

GRANT SELECT(closed_at) ON TABLE public.alerts TO onesms_pollers;

REVOKE ALL ON FUNCTION public.alert_lasts(p_alert public.alerts, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.alert_wallet(p_health jsonb, p_refusal text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.alerts_over(p_channel text, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.alerts_over(p_channel text, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.alerts_to_tell(p_channel text, p_quiet interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.alerts_to_tell(p_channel text, p_quiet interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

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

REVOKE ALL ON FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text, p_now timestamp with time zone, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.apply_activation_sms(p_activation_id uuid, p_code text, p_text text, p_provider_message_id text, p_now timestamp with time zone, p_actor text) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.apply_late_sms(p_activation public.activations, p_code text, p_text text, p_message_id text, p_actor text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.apply_rental_sms(p_rental_id uuid, p_messages jsonb, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.apply_rental_sms(p_rental_id uuid, p_messages jsonb, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.ask_card_reconciliation(p_provider text, p_correct boolean, p_asked_by text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ask_card_reconciliation(p_provider text, p_correct boolean, p_asked_by text, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.ask_card_reconciliation(p_provider text, p_correct boolean, p_asked_by text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.ask_card_refresh(p_card_id uuid, p_now timestamp with time zone, p_unless_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ask_card_refresh(p_card_id uuid, p_now timestamp with time zone, p_unless_since timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.ask_card_refresh(p_card_id uuid, p_now timestamp with time zone, p_unless_since timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.ask_card_refresh(p_card_id uuid, p_now timestamp with time zone, p_unless_since timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.ask_card_reveal(p_user_id uuid, p_card_id uuid, p_public_key bytea, p_wait interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ask_card_reveal(p_user_id uuid, p_card_id uuid, p_public_key bytea, p_wait interval, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.atomic_adjust(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_adjust(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_operator;

REVOKE ALL ON FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_commit(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_operator;
GRANT ALL ON FUNCTION public.atomic_deposit(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_actor text, p_funding_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_actor text, p_funding_id uuid) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.atomic_refund(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.audit_card(p_card_id uuid, p_action text, p_diff jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.begin_card_action(p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_card_action(p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_card_creation(p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_card_creation(p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_card_customer(p_customer_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_card_customer(p_customer_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_card_funding(p_funding_id uuid, p_seen text[], p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_card_funding(p_funding_id uuid, p_seen text[], p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_extension(p_rental_id uuid, p_cost numeric, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_extension(p_rental_id uuid, p_cost numeric, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_purchase(p_activation_id uuid, p_provider text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.begin_rental_purchase(p_rental_id uuid, p_provider text, p_seen text[], p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_rental_purchase(p_rental_id uuid, p_provider text, p_seen text[], p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.cancel_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.cancel_rental(p_rental_id uuid, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_rental(p_rental_id uuid, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.card_alarm_figures(p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.card_alarm_figures(p_now timestamp with time zone) TO onesms_pollers;

GRANT SELECT(id) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(user_id) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(provider) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(status) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(provider_customer_id) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(error_code) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(request_id) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(created_at) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(submitted_at) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(registered_at) ON TABLE public.card_customers TO onesms_operator;

GRANT SELECT(due_at) ON TABLE public.card_customers TO onesms_operator;

REVOKE ALL ON FUNCTION public.card_customer_json(p_customer public.card_customers) FROM PUBLIC;

GRANT SELECT ON TABLE public.card_fundings TO onesms_gateway;
GRANT SELECT ON TABLE public.card_fundings TO onesms_operator;

GRANT SELECT(id) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(id) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(card_id) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(card_id) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(user_id) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(user_id) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(kind) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(kind) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(usd) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(usd) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(price) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(price) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(frozen_amount) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(frozen_amount) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(status) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(status) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(provider_reference) ON TABLE public.card_fundings TO onesms_pollers;

GRANT SELECT(provider_transaction_id) ON TABLE public.card_fundings TO onesms_pollers;

GRANT SELECT(begun_at) ON TABLE public.card_fundings TO onesms_pollers;

GRANT SELECT(accepted_at) ON TABLE public.card_fundings TO onesms_pollers;

GRANT SELECT(idempotency_key) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(error_code) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(error_code) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(created_at) ON TABLE public.card_fundings TO onesms_user;

GRANT SELECT(ended_at) ON TABLE public.card_fundings TO onesms_pollers;
GRANT SELECT(ended_at) ON TABLE public.card_fundings TO onesms_user;

REVOKE ALL ON FUNCTION public.card_funding_json(p_funding public.card_fundings) FROM PUBLIC;
GRANT ALL ON FUNCTION public.card_funding_json(p_funding public.card_fundings) TO onesms_gateway;
GRANT ALL ON FUNCTION public.card_funding_json(p_funding public.card_fundings) TO onesms_operator;

REVOKE ALL ON FUNCTION public.card_fundings_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.card_fundings_audit() FROM PUBLIC;

GRANT SELECT ON TABLE public.cards TO onesms_gateway;
GRANT SELECT ON TABLE public.cards TO onesms_operator;

GRANT SELECT(id) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(id) ON TABLE public.cards TO onesms_user;

GRANT SELECT(user_id) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(user_id) ON TABLE public.cards TO onesms_user;

GRANT SELECT(customer_id) ON TABLE public.cards TO onesms_pollers;

GRANT SELECT(provider) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(provider) ON TABLE public.cards TO onesms_user;

GRANT SELECT(provider_card_id) ON TABLE public.cards TO onesms_pollers;

GRANT SELECT(status) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(status) ON TABLE public.cards TO onesms_user;

GRANT SELECT(brand) ON TABLE public.cards TO onesms_user;

GRANT SELECT(currency) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(currency) ON TABLE public.cards TO onesms_user;

GRANT SELECT(balance) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(balance) ON TABLE public.cards TO onesms_user;

GRANT SELECT(checked_at) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(checked_at) ON TABLE public.cards TO onesms_user;

GRANT SELECT(wanted_action) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(wanted_action) ON TABLE public.cards TO onesms_user;

GRANT SELECT(wanted_at) ON TABLE public.cards TO onesms_user;

GRANT SELECT(error_code) ON TABLE public.cards TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(created_at) ON TABLE public.cards TO onesms_user;

GRANT SELECT(activated_at) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(activated_at) ON TABLE public.cards TO onesms_user;

GRANT SELECT(closed_at) ON TABLE public.cards TO onesms_pollers;
GRANT SELECT(closed_at) ON TABLE public.cards TO onesms_user;

GRANT SELECT(imported_at) ON TABLE public.cards TO onesms_pollers;

REVOKE ALL ON FUNCTION public.card_json(p_card public.cards) FROM PUBLIC;
GRANT ALL ON FUNCTION public.card_json(p_card public.cards) TO onesms_gateway;
GRANT ALL ON FUNCTION public.card_json(p_card public.cards) TO onesms_operator;

REVOKE ALL ON FUNCTION public.card_reveals_audit() FROM PUBLIC;

GRANT SELECT ON TABLE public.card_transactions TO onesms_gateway;
GRANT SELECT ON TABLE public.card_transactions TO onesms_operator;
GRANT SELECT ON TABLE public.card_transactions TO onesms_pollers;
GRANT SELECT ON TABLE public.card_transactions TO onesms_user;

REVOKE ALL ON FUNCTION public.card_transaction_json(p_transaction public.card_transactions) FROM PUBLIC;
GRANT ALL ON FUNCTION public.card_transaction_json(p_transaction public.card_transactions) TO onesms_gateway;
GRANT ALL ON FUNCTION public.card_transaction_json(p_transaction public.card_transactions) TO onesms_operator;

REVOKE ALL ON FUNCTION public.card_transactions_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.cards_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.cards_audit() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.change_balance(p_type text, p_user_id uuid, p_amount numeric, p_transaction_id text, p_reason text, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.charge_late_sms(p_activation public.activations, p_amount numeric, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_amount(p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_hold_funding(p_user_id uuid, p_amount numeric, p_transaction_id text, p_funding_id uuid, p_order_id uuid, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_hold_order(p_user_id uuid, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_key(p_argument text, p_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_open_orders(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_reason(p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_remarks(p_reason text, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_rental_hours(p_hours integer, p_rented integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.claim_account_looks(p_providers text[], p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_account_looks(p_providers text[], p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_activations(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_card_customers(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_card_customers(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_card_fundings(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_card_fundings(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_card_reconciliations(p_providers text[], p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_card_reconciliations(p_providers text[], p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_card_reveals(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_card_reveals(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_card_webhooks(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_card_webhooks(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_cards(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_cards(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_late_looks(p_provider text, p_every interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_late_looks(p_provider text, p_every interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

GRANT SELECT ON TABLE public.periodic_jobs TO onesms_gateway;
GRANT SELECT ON TABLE public.periodic_jobs TO onesms_operator;
GRANT SELECT ON TABLE public.periodic_jobs TO onesms_pollers;

GRANT UPDATE(every) ON TABLE public.periodic_jobs TO onesms_operator;

GRANT UPDATE(due_at) ON TABLE public.periodic_jobs TO onesms_operator;

REVOKE ALL ON FUNCTION public.claim_periodic_jobs(p_names text[], p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_periodic_jobs(p_names text[], p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_rentals(p_limit integer, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_rentals(p_limit integer, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.claim_settlement_id(p_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.claimed_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.claimed_user_id() TO onesms_user;

REVOKE ALL ON FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text, p_now timestamp with time zone, p_outcome text, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_activation(p_activation_id uuid, p_status text, p_error_code text, p_now timestamp with time zone, p_outcome text, p_reason text) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.close_alerts(p_channels text[], p_quiet interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_alerts(p_channels text[], p_quiet interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.close_rental(p_rental_id uuid, p_status text, p_error_code text, p_unused_hours integer, p_now timestamp with time zone, p_leased_until timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_rental(p_rental_id uuid, p_status text, p_error_code text, p_unused_hours integer, p_now timestamp with time zone, p_leased_until timestamp with time zone, p_reason text) TO onesms_operator;
GRANT ALL ON FUNCTION public.close_rental(p_rental_id uuid, p_status text, p_error_code text, p_unused_hours integer, p_now timestamp with time zone, p_leased_until timestamp with time zone, p_reason text) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.commit_spends_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.complete_card_funding(p_funding_id uuid, p_provider_transaction_id text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.complete_card_funding(p_funding_id uuid, p_provider_transaction_id text, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.complete_card_funding(p_funding_id uuid, p_provider_transaction_id text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone, p_reason text) TO onesms_operator;
GRANT ALL ON FUNCTION public.correct_frozen_balance(p_user_id uuid, p_now timestamp with time zone, p_reason text) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.correct_restates_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone, p_retry_on_timeout boolean, p_retry_countries text[], p_request_id text, p_request_digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_activation(p_user_id uuid, p_service text, p_country text, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone, p_retry_on_timeout boolean, p_retry_countries text[], p_request_id text, p_request_digest bytea) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.create_card(p_user_id uuid, p_card_id uuid, p_provider text, p_usd numeric, p_name_sealed bytea, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_card(p_user_id uuid, p_card_id uuid, p_provider text, p_usd numeric, p_name_sealed bytea, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.create_card_customer(p_user_id uuid, p_customer_id uuid, p_provider text, p_details bytea, p_email_digest bytea, p_document_ids uuid[], p_document_kinds text[], p_document_types text[], p_documents bytea[], p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_card_customer(p_user_id uuid, p_customer_id uuid, p_provider text, p_details bytea, p_email_digest bytea, p_document_ids uuid[], p_document_kinds text[], p_document_types text[], p_documents bytea[], p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.create_rental(p_user_id uuid, p_service text, p_country text, p_hours integer, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone, p_request_id text, p_request_digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_rental(p_user_id uuid, p_service text, p_country text, p_hours integer, p_idempotency_key text, p_max_price numeric, p_now timestamp with time zone, p_request_id text, p_request_digest bytea) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.deposit_adds_to_balance(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.end_card_funding(p_funding_id uuid, p_status text, p_error_code text, p_now timestamp with time zone, p_provider_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.end_pending_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.end_rental(p_rental_id uuid, p_refund boolean, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.end_rental(p_rental_id uuid, p_refund boolean, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.end_unserved(p_activation_id uuid, p_status text, p_error_code text, p_providers text[], p_outcome text, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.end_unserved(p_activation_id uuid, p_status text, p_error_code text, p_providers text[], p_outcome text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.enter_sms(p_activation_id uuid, p_code text, p_text text, p_actor text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.enter_sms(p_activation_id uuid, p_code text, p_text text, p_actor text, p_now timestamp with time zone) TO onesms_gateway;

GRANT SELECT ON TABLE public.events TO onesms_gateway;
GRANT SELECT ON TABLE public.events TO onesms_notifier;
GRANT SELECT ON TABLE public.events TO onesms_operator;
GRANT SELECT ON TABLE public.events TO onesms_user;

REVOKE ALL ON FUNCTION public.event_line(p_event public.events) FROM PUBLIC;
GRANT ALL ON FUNCTION public.event_line(p_event public.events) TO onesms_notifier;

REVOKE ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.expire_holds(p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.fail_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fail_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.fail_card(p_card_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.fail_card_customer(p_customer_id uuid, p_error_code text, p_purge_at timestamp with time zone, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fail_card_customer(p_customer_id uuid, p_error_code text, p_purge_at timestamp with time zone, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.fail_card_funding(p_funding_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fail_card_funding(p_funding_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.fail_card_funding(p_funding_id uuid, p_error_code text, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.fair_shares(p_process uuid, p_providers text[], p_now timestamp with time zone) FROM PUBLIC;

GRANT SELECT ON TABLE public.card_offers TO onesms_gateway;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.card_offers TO onesms_operator;

REVOKE ALL ON FUNCTION public.find_card_offer(p_provider text, p_usd numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.find_card_replay(p_user_id uuid, p_idempotency_key text, p_kind text, p_card_id uuid, p_usd numeric, p_request_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.find_country(p_country text) FROM PUBLIC;

GRANT SELECT ON TABLE public.wallet_holds TO onesms_operator;
GRANT SELECT ON TABLE public.wallet_holds TO onesms_user;
GRANT SELECT ON TABLE public.wallet_holds TO onesms_wallet;

GRANT SELECT(user_id) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(amount) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(state) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(activation_id) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(rental_id) ON TABLE public.wallet_holds TO onesms_pollers;

GRANT SELECT(funding_id) ON TABLE public.wallet_holds TO onesms_pollers;

REVOKE ALL ON FUNCTION public.find_hold(p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text) FROM PUBLIC;

GRANT SELECT ON TABLE public.services TO onesms_gateway;
GRANT SELECT ON TABLE public.services TO onesms_operator;
GRANT SELECT ON TABLE public.services TO onesms_user;

GRANT SELECT(service) ON TABLE public.services TO onesms_pollers;

GRANT UPDATE(price) ON TABLE public.services TO onesms_operator;
GRANT SELECT(price) ON TABLE public.services TO onesms_pollers;

GRANT UPDATE(timeout_refund_percent) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(margin_percent) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(margin_fixed) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(price_step) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(rental_price_hour) ON TABLE public.services TO onesms_operator;

GRANT UPDATE(retry_on_timeout) ON TABLE public.services TO onesms_operator;

REVOKE ALL ON FUNCTION public.find_service(p_service text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.finish_account_look(p_provider text, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_covered_until timestamp with time zone, p_hints_from timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_account_look(p_provider text, p_leased_until timestamp with time zone, p_due_at timestamp with time zone, p_covered_until timestamp with time zone, p_hints_from timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.finish_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_card_reconciliation(p_id bigint, p_leased_until timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.finish_card_reveal(p_reveal_id uuid, p_answer text, p_error_code text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_card_reveal(p_reveal_id uuid, p_answer text, p_error_code text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.finish_card_webhook(p_id bigint, p_status text, p_error text, p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_card_webhook(p_id bigint, p_status text, p_error text, p_card_id uuid, p_now timestamp with time zone, p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.finish_late_looks(p_activation_ids uuid[], p_leased_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_late_looks(p_activation_ids uuid[], p_leased_until timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_periodic_job(p_name text, p_leased_until timestamp with time zone, p_result jsonb, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.fold_alerts(p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fold_alerts(p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_card_reveals(p_limit integer, p_kept interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_card_reveals(p_limit integer, p_kept interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_events(p_kept interval, p_limit integer, p_after bigint, p_now timestamp with time zone, OUT forgotten bigint, OUT last_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_events(p_kept interval, p_limit integer, p_after bigint, p_now timestamp with time zone, OUT forgotten bigint, OUT last_id bigint) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_provider_calls(p_kept interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_provider_calls(p_kept interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.forget_revocations(p_lifetime interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_revocations(p_lifetime interval, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.freeze_moves_available_to_frozen(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.hint_absent(p_activation_ids uuid[], p_every interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hint_absent(p_activation_ids uuid[], p_every interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.hint_order(p_provider text, p_provider_order_id text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hint_order(p_provider text, p_provider_order_id text, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.import_card(p_card_id uuid, p_provider text, p_provider_card_id text, p_user_id uuid, p_status text, p_balance numeric, p_last4_sealed bytea, p_expiry_sealed bytea, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.import_card(p_card_id uuid, p_provider text, p_provider_card_id text, p_user_id uuid, p_status text, p_balance numeric, p_last4_sealed bytea, p_expiry_sealed bytea, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.import_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_received_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.import_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_received_at timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_notifier;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_user;
GRANT ALL ON FUNCTION public.iso_utc(p_at timestamp with time zone) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.judge_routes(p_rule text, p_success_min double precision, p_tries_min integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.judge_routes(p_rule text, p_success_min double precision, p_tries_min integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.leave_accounts(p_process uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.leave_accounts(p_process uuid) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.lock_activation(p_activation_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.lock_card(p_card_id uuid, p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.lock_card_funding(p_funding_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.lock_own_received(p_user_id uuid, p_activation_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE public.rentals TO onesms_gateway;
GRANT SELECT ON TABLE public.rentals TO onesms_operator;

GRANT SELECT(id) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(id) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(user_id) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(user_id) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(service) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(service) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(country) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(country) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(status) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(status) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(hours) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(hours) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(price) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(frozen_amount) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(frozen_amount) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(idempotency_key) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(provider) ON TABLE public.rentals TO onesms_pollers;

GRANT SELECT(provider_order_id) ON TABLE public.rentals TO onesms_pollers;

GRANT SELECT(phone) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(error_code) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(error_code) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(created_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(purchase_started_at) ON TABLE public.rentals TO onesms_pollers;

GRANT SELECT(purchased_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(ends_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(cancel_requested_at) ON TABLE public.rentals TO onesms_user;

GRANT SELECT(closed_at) ON TABLE public.rentals TO onesms_pollers;
GRANT SELECT(closed_at) ON TABLE public.rentals TO onesms_user;

REVOKE ALL ON FUNCTION public.lock_rental(p_rental_id uuid, p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) TO onesms_operator;
GRANT ALL ON FUNCTION public.lock_user_wallet(p_user_id uuid) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.lose_late_sms(p_activation public.activations, p_amount numeric, p_policy text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.mark_alerts_over(p_channel text, p_ids bigint[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mark_alerts_over(p_channel text, p_ids bigint[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.mark_alerts_told(p_channel text, p_ids bigint[], p_times bigint[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mark_alerts_told(p_channel text, p_ids bigint[], p_times bigint[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.mark_card_transactions_judged(p_ids bigint[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mark_card_transactions_judged(p_ids bigint[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.new_epoch() FROM PUBLIC;
GRANT ALL ON FUNCTION public.new_epoch() TO onesms_operator;

REVOKE ALL ON FUNCTION public.note_card_rule_hit(p_rule text, p_per text, p_window interval, p_card_id uuid, p_user_id uuid, p_at timestamp with time zone, p_figures jsonb, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_card_rule_hit(p_rule text, p_per text, p_window interval, p_card_id uuid, p_user_id uuid, p_at timestamp with time zone, p_figures jsonb, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.note_presence(p_user_ids uuid[], p_until timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_presence(p_user_ids uuid[], p_until timestamp with time zone, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.offers_json(p_tries_min integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.offers_json(p_tries_min integer, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.open_card_funding(p_card_id uuid, p_user_id uuid, p_kind text, p_usd numeric, p_offer public.card_offers, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) FROM PUBLIC;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_gateway;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_operator;
GRANT ALL ON FUNCTION public.operation_json(p_operation public.balance_operations) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.operation_result(p_operation public.balance_operations, p_last public.balance_operations, p_replayed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.pass_purchase(p_activation_id uuid, p_leased_until timestamp with time zone, p_outcome text, p_provider text, p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.pass_purchase(p_activation_id uuid, p_leased_until timestamp with time zone, p_outcome text, p_provider text, p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.place_activation(p_activation public.activations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.plan_retry(p_activation public.activations, p_providers text[], p_now timestamp with time zone, OUT country text, OUT price numeric, OUT refused text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.provider_books(p_provider text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.provider_books(p_provider text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.provider_orders(p_provider text, p_since timestamp with time zone, p_provider_order_ids text[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.provider_orders(p_provider text, p_since timestamp with time zone, p_provider_order_ids text[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.purge_card_documents(p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.purge_card_documents(p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.purge_card_numbers(p_limit integer, p_closed_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.purge_card_numbers(p_limit integer, p_closed_before timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.purge_card_payloads(p_limit integer, p_kept interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.purge_card_payloads(p_limit integer, p_kept interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_backlog(p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_backlog(p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_card_customer(p_user_id uuid, p_provider text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_card_customer(p_user_id uuid, p_provider text) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.read_card_documents(p_customer_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_card_documents(p_customer_id uuid) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_card_doubts(p_provider text, p_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_card_doubts(p_provider text, p_since timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_cards_to_compare(p_provider text, p_after_id uuid, p_limit integer, p_card_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_cards_to_compare(p_provider text, p_after_id uuid, p_limit integer, p_card_id uuid, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_open_orders(p_provider text, p_just_now interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_open_orders(p_provider text, p_just_now interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_routes(p_service text, p_country text, p_providers text[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_routes(p_service text, p_country text, p_providers text[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.read_unjudged_card_transactions(p_limit integer, p_window interval) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_unjudged_card_transactions(p_limit integer, p_window interval) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_another_sms(p_activation_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_another_sms(p_activation_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_card_created(p_card_id uuid, p_provider_card_id text, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_card_created(p_card_id uuid, p_provider_card_id text, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.record_card_created(p_card_id uuid, p_provider_card_id text, p_reference text, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_card_customer(p_customer_id uuid, p_provider_customer_id text, p_purge_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_card_customer(p_customer_id uuid, p_provider_customer_id text, p_purge_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_card_mismatch(p_reconciliation_id bigint, p_card_id uuid, p_kind text, p_ours text, p_theirs text, p_corrected boolean, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_card_mismatch(p_reconciliation_id bigint, p_card_id uuid, p_kind text, p_ours text, p_theirs text, p_corrected boolean, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_card_state(p_card_id uuid, p_status text, p_balance numeric, p_checked_at timestamp with time zone, p_last4_sealed bytea, p_expiry_sealed bytea, p_brand text, p_due_at timestamp with time zone, p_leased_until timestamp with time zone, p_actor_type text, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_card_state(p_card_id uuid, p_status text, p_balance numeric, p_checked_at timestamp with time zone, p_last4_sealed bytea, p_expiry_sealed bytea, p_brand text, p_due_at timestamp with time zone, p_leased_until timestamp with time zone, p_actor_type text, p_reason text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_card_transactions(p_card_id uuid, p_transactions jsonb, p_now timestamp with time zone, p_tell boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_card_transactions(p_card_id uuid, p_transactions jsonb, p_now timestamp with time zone, p_tell boolean) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_extension(p_rental_id uuid, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_total_cost numeric, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_extension(p_rental_id uuid, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_total_cost numeric, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_prices(p_provider text, p_services text[], p_countries text[], p_costs numeric[], p_stocks integer[], p_successes real[], p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_prices(p_provider text, p_services text[], p_countries text[], p_costs numeric[], p_stocks integer[], p_successes real[], p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_provider_balance(p_provider text, p_balance numeric, p_spent numeric, p_slack numeric, p_paid_in numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_provider_balance(p_provider text, p_balance numeric, p_spent numeric, p_slack numeric, p_paid_in numeric) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_purchase(p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.record_rental_purchase(p_rental_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_rental_purchase(p_rental_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.record_rental_purchase(p_rental_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_ends_at timestamp with time zone, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.redact_events(p_closed_for interval, p_limit integer, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.redact_events(p_closed_for interval, p_limit integer, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.redacted_json(p_payload jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refund_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refund_activation(p_activation_id uuid, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.refund_due(p_status text, p_service text, p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refund_moves_frozen_to_available(o public.balance_operations) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refund_unbegun_funding(p_card_id uuid, p_error_code text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refunded_of(p_activation_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refuse_cancel(p_activation_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.refuse_card_action(p_card_id uuid, p_action text, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refuse_card_action(p_card_id uuid, p_action text, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.refuse_card_use(p_card public.cards) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_extension(p_rental_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone, p_started_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refuse_extension(p_rental_id uuid, p_error_code text, p_due_at timestamp with time zone, p_now timestamp with time zone, p_started_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.refuse_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_mismatch(p_transaction_id text, p_field text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_rental_cancel(p_rental_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.refuse_rental_cancel(p_rental_id uuid, p_error_code text, p_allowed_at timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.refuse_rewriting() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_second_end() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unaudited_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unknown_card_transition() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unknown_transition() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_while_extending(p_rental public.rentals) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.rental_countries_json(p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rental_countries_json(p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.rental_json(p_rental public.rentals) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rental_json(p_rental public.rentals) TO onesms_gateway;
GRANT ALL ON FUNCTION public.rental_json(p_rental public.rentals) TO onesms_operator;

REVOKE ALL ON FUNCTION public.rentals_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.replay_freeze(p_user_id uuid, p_amount numeric, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamp with time zone, p_funding_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.replay_settlement(p_hold public.wallet_holds, p_state text, p_transaction_id text, p_amount numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.request_another_sms(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_another_sms(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_cancel(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_card_action(p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text, p_actor_id text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_card_action(p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text, p_actor_id text, p_now timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.request_card_action(p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text, p_actor_id text, p_now timestamp with time zone) TO onesms_operator;
GRANT ALL ON FUNCTION public.request_card_action(p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text, p_actor_id text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.request_card_funding(p_user_id uuid, p_card_id uuid, p_usd numeric, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_card_funding(p_user_id uuid, p_card_id uuid, p_usd numeric, p_idempotency_key text, p_request_id text, p_request_digest bytea, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_check(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_check(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_extension(p_user_id uuid, p_rental_id uuid, p_hours integer, p_idempotency_key text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_extension(p_user_id uuid, p_rental_id uuid, p_hours integer, p_idempotency_key text, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_finish(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_finish(p_user_id uuid, p_activation_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_rental_cancel(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_rental_cancel(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.request_rental_finish(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_rental_finish(p_user_id uuid, p_rental_id uuid, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_activation(p_activation_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.reschedule_card(p_card_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_card(p_card_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.reschedule_card_customer(p_customer_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_card_customer(p_customer_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.reschedule_card_funding(p_funding_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_card_funding(p_funding_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.reschedule_card_webhook(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_card_webhook(p_id bigint, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.reschedule_rental(p_rental_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reschedule_rental(p_rental_id uuid, p_leased_until timestamp with time zone, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.rest_account(p_provider text, p_scope text, p_service text, p_country text, p_lasts interval, p_told_until timestamp with time zone, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rest_account(p_provider text, p_scope text, p_service text, p_country text, p_lasts interval, p_told_until timestamp with time zone, p_reason text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.rest_alert_channel(p_channel text, p_error text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rest_alert_channel(p_channel text, p_error text, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.restate_frozen(p_user_id uuid, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.restate_rental_frozen(p_rental_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.retail_price(p_service public.services, p_country text, p_now timestamp with time zone, p_providers text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.retry_countries(p_service public.services, p_country text, p_wanted boolean, p_countries text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) TO onesms_gateway;
GRANT ALL ON FUNCTION public.revoke_tokens(p_user_id uuid, p_token_id text, p_actor text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.ring_doorbell(p_user_id uuid, p_seq bigint, p_type text, p_payload jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.route_prices_max_age() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.schedule_redaction(p_order_id uuid, p_user_id uuid, p_seq bigint, p_closed_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.service_prices_json(p_service text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.service_prices_json(p_service text, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.set_route_state(p_provider text, p_service text, p_country text, p_state text, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_route_state(p_provider text, p_service text, p_country text, p_state text, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.set_service_price(p_service text, p_price numeric, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_service_price(p_service text, p_price numeric, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.set_service_state(p_service text, p_state text, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_service_state(p_service text, p_state text, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.set_waiting_arms(p_service text, p_arms jsonb, p_reason text, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_waiting_arms(p_service text, p_arms jsonb, p_reason text, p_now timestamp with time zone) TO onesms_operator;

REVOKE ALL ON FUNCTION public.settle_ended_orders(p_user_id uuid, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.settle_hold(p_type text, p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text, p_reason text, p_amount numeric, p_actor text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.settle_owed_sms(p_ended public.activations, p_actor text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.share_accounts(p_process uuid, p_providers text[], p_lease interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.share_accounts(p_process uuid, p_providers text[], p_lease interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_gateway;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_operator;
GRANT ALL ON FUNCTION public.sms_json(p_activation_id uuid, p_rental_id uuid) TO onesms_user;

REVOKE ALL ON FUNCTION public.sms_messages_append_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) TO onesms_gateway;
GRANT ALL ON FUNCTION public.snapshot_json(p_user_id uuid, p_closed integer) TO onesms_operator;

REVOKE ALL ON FUNCTION public.stop_follower(p_activation public.activations, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.sum_card_day(p_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sum_card_day(p_day date) TO onesms_operator;
GRANT ALL ON FUNCTION public.sum_card_day(p_day date) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.system_logs_name_request() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.take_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_signature_valid boolean, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_card_webhook(p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_signature_valid boolean, p_now timestamp with time zone) TO onesms_gateway;

REVOKE ALL ON FUNCTION public.tell_card_money(p_funding public.card_fundings, p_message text, p_reason text, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.tell_may_be_sold(p_message text, p_order jsonb, p_provider text, p_amount numeric, p_now timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.tell_overdue(p_after interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_overdue(p_after interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.tell_stream(p_alert public.alerts) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.tried_providers(p_first uuid, p_country text, p_before integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tried_providers(p_first uuid, p_country text, p_before integer) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.uncover_orders(p_provider text, p_within interval, p_now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.uncover_orders(p_provider text, p_within interval, p_now timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.waiting_arm_of(p_activation_id uuid, p_service text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.wallet_health(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.wallet_health(p_user_id uuid) TO onesms_operator;

REVOKE ALL ON FUNCTION public.wallet_json(p_user public.users) FROM PUBLIC;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_gateway;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_operator;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_user;
GRANT ALL ON FUNCTION public.wallet_json(p_user public.users) TO onesms_wallet;

REVOKE ALL ON FUNCTION public.was_hinted(p_activation_id uuid, p_due_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.was_hinted(p_activation_id uuid, p_due_at timestamp with time zone) TO onesms_pollers;

REVOKE ALL ON FUNCTION public.write_card_state(p_card public.cards, p_status text, p_balance numeric, p_checked_at timestamp with time zone, p_last4_sealed bytea, p_expiry_sealed bytea, p_brand text, p_due_at timestamp with time zone, p_leased_until timestamp with time zone, p_now timestamp with time zone) FROM PUBLIC;

GRANT SELECT ON TABLE public.account_rests TO onesms_operator;

GRANT SELECT ON TABLE public.account_shares TO onesms_operator;

GRANT SELECT ON TABLE public.acknowledged_breaks TO onesms_operator;

GRANT SELECT ON TABLE public.alert_channels TO onesms_operator;

GRANT SELECT ON TABLE public.alert_tellings TO onesms_operator;

GRANT SELECT ON TABLE public.card_daily TO onesms_operator;

GRANT SELECT(id) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(customer_id) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(user_id) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(kind) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(content_type) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(created_at) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT(purge_at) ON TABLE public.card_documents TO onesms_operator;

GRANT SELECT ON TABLE public.card_mismatches TO onesms_operator;

GRANT SELECT ON TABLE public.card_reconciliations TO onesms_operator;
GRANT SELECT ON TABLE public.card_reconciliations TO onesms_pollers;

GRANT SELECT ON TABLE public.card_reveals TO onesms_operator;

GRANT SELECT ON TABLE public.card_rule_hits TO onesms_operator;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.card_rules TO onesms_operator;
GRANT SELECT ON TABLE public.card_rules TO onesms_pollers;

GRANT SELECT ON TABLE public.card_transitions TO onesms_operator;

GRANT SELECT ON TABLE public.countries TO onesms_gateway;
GRANT SELECT ON TABLE public.countries TO onesms_operator;
GRANT SELECT ON TABLE public.countries TO onesms_user;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.kept_answers TO onesms_gateway;

GRANT SELECT ON TABLE public.numbers_in_doubt TO onesms_operator;
GRANT SELECT,DELETE ON TABLE public.numbers_in_doubt TO onesms_pollers;

GRANT UPDATE(found_id) ON TABLE public.numbers_in_doubt TO onesms_pollers;

GRANT UPDATE(found_at) ON TABLE public.numbers_in_doubt TO onesms_pollers;

GRANT SELECT ON TABLE public.provider_accounts TO onesms_operator;

GRANT SELECT ON TABLE public.provider_balances TO onesms_operator;

GRANT SELECT ON TABLE public.provider_calls TO onesms_operator;

GRANT INSERT(order_id) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(at) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(provider) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(method) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(outcome) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(answer) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(seconds) ON TABLE public.provider_calls TO onesms_pollers;

GRANT INSERT(times) ON TABLE public.provider_calls TO onesms_pollers;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.provider_countries TO onesms_operator;
GRANT SELECT ON TABLE public.provider_countries TO onesms_pollers;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.provider_services TO onesms_operator;
GRANT SELECT ON TABLE public.provider_services TO onesms_pollers;

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

GRANT SELECT ON TABLE public.route_attempts TO onesms_operator;

GRANT SELECT ON TABLE public.routes TO onesms_operator;

GRANT SELECT ON TABLE public.schema_migrations TO onesms_gateway;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_pollers;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_notifier;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_operator;
GRANT SELECT ON TABLE public.schema_migrations TO onesms_wallet;

GRANT SELECT ON TABLE public.settings TO onesms_gateway;
GRANT SELECT ON TABLE public.settings TO onesms_notifier;
GRANT SELECT ON TABLE public.settings TO onesms_operator;

GRANT UPDATE(value) ON TABLE public.settings TO onesms_operator;

GRANT UPDATE(updated_at) ON TABLE public.settings TO onesms_operator;

GRANT SELECT ON TABLE public.sms_messages TO onesms_gateway;
GRANT SELECT ON TABLE public.sms_messages TO onesms_operator;
GRANT SELECT ON TABLE public.sms_messages TO onesms_user;

REVOKE ALL ON TABLE public.strowallet_card_audit FROM postgres;
GRANT SELECT,INSERT,REFERENCES,TRIGGER,MAINTAIN ON TABLE public.strowallet_card_audit TO postgres;
GRANT SELECT ON TABLE public.strowallet_card_audit TO onesms_gateway;
GRANT SELECT ON TABLE public.strowallet_card_audit TO onesms_operator;

GRANT SELECT ON TABLE public.strowallet_webhook_events TO onesms_operator;

GRANT SELECT ON TABLE public.system_logs TO onesms_operator;

GRANT INSERT(level) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(source) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(message) ON TABLE public.system_logs TO onesms_pollers;

GRANT INSERT(data) ON TABLE public.system_logs TO onesms_pollers;

GRANT SELECT,INSERT,DELETE ON TABLE public.tickets TO onesms_gateway;

GRANT SELECT ON TABLE public.v_activation_outcomes TO onesms_operator;

GRANT SELECT ON TABLE public.v_country_health TO onesms_operator;

GRANT SELECT ON TABLE public.v_dashboard_stats TO onesms_operator;

GRANT SELECT ON TABLE public.v_frozen_balance_health TO onesms_operator;
GRANT SELECT ON TABLE public.v_frozen_balance_health TO onesms_pollers;

GRANT SELECT ON TABLE public.v_response_time TO onesms_operator;

GRANT SELECT ON TABLE public.v_route_health TO onesms_operator;

GRANT SELECT ON TABLE public.v_service_health TO onesms_operator;

GRANT SELECT ON TABLE public.waiting_arms TO onesms_operator;

GRANT SELECT ON TABLE public.v_waiting_outcomes TO onesms_operator;
