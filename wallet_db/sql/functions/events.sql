-- The outbox: how a change becomes an event, in the transaction of the change.
--
-- seq is the user's own 1, 2, 3 …, taken under the lock of the user's row; so it has no gap and follows commit order.
-- Two invariants the follower relies on, for its reading past open transactions to lose nothing:
--   * an events.id is drawn only by a transaction that already has an xid (the users row is always updated first, or
--     is being updated), so a fresh xid taken after a gap was seen is above the xid of whoever holds the missing id;
--   * the doorbell is looked at only after that, so a follower that waits until every xid below its horizon has ended
--     has waited for everybody who may have left it unrung.

-- Appends one event to a user's stream. Locks: users. Raises: OS002 unknown_user.
create or replace function append_event(p_user_id uuid, p_type text, p_payload jsonb) returns bigint
language plpgsql as $$
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

-- An order's change, as its owner sees it.
create or replace function activations_append_event() returns trigger
language plpgsql as $$
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

create or replace function rentals_append_event() returns trigger
language plpgsql as $$
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

-- An SMS, with the order it belongs to.
create or replace function sms_messages_append_event() returns trigger
language plpgsql as $$
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

-- An event as a line of a bus's message (`notifier.event`). One too long for a NOTIFY says only that the event exists.
create or replace function event_line(p_event events) returns text
language sql stable as $$
    select case when octet_length(p_event.payload::text) + octet_length(p_event.type) < 3800
                     and translate(p_event.type, E'\t\n', '') = p_event.type
                then concat_ws(E'\t', p_event.user_id, p_event.seq, p_event.type, iso_utc(p_event.at), p_event.payload)
                else concat_ws(E'\t', p_event.user_id, p_event.seq, '', '', '') end
$$;

-- Rings for a follower that sleeps; and as the bell carries the event, those whom the follower would tell need not wait
-- for it. Awake, it holds lock (20307, 1) exclusively and is looking anyway, and no NOTIFY is paid for: one inside each
-- writing transaction takes a cluster-wide lock held through the commit, and many of them throttle every writer. So
-- whoever inserts into events tries afterwards to share the lock, and calls this if that was possible; it gives the
-- lock back at once, for the try only asks. (A trigger would do it too, and cost a freeze another 4 %; the try in here,
-- 2 %.) Where a follower serves another bus it holds lock (20307, 4), and the bell carries nothing: nobody is to hear
-- more of an event in the database than the bus would tell there.
-- Expressions alone, and the event from whoever has just written it: as statements, with the row read again, the same
-- took four times as long. So it is called by an assignment, not by a perform. A statement for each lock, for SQL
-- promises no order within an expression. Returns true.
drop function if exists ring_doorbell(uuid, bigint);
create or replace function ring_doorbell(p_user_id uuid, p_seq bigint, p_type text, p_payload jsonb) returns boolean
language plpgsql as $$
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

-- Declares the history of events rewritten (a restored backup, a purge): every cursor given out before is void, and its
-- holder gets an explicit reset with a fresh snapshot. Returns the new epoch.
create or replace function new_epoch() returns text
language sql security definer set search_path = public, pg_temp as $$
    update settings set value = to_jsonb(substr(md5(gen_random_uuid()::text), 1, 8)), updated_at = now()
     where key = 'events_epoch' returning value #>> '{}'
$$;
