-- Takes codes and texts out of the events of up to p_limit orders that closed p_closed_for ago or earlier; returns how
-- many orders it were. The messages themselves stay: an order shows them to its owner. Done once it changes nothing
-- more, for its row is gone. Orders that somebody else redacts are skipped; events that are gone already need nothing.
-- Locks: redactions (SKIP LOCKED), then events (rows, by id).
-- Raises: OS014 invalid_argument (a time before the order closed).
create or replace function redact_events(
    p_closed_for interval, p_limit integer default 100, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
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
