-- Remembers that an event carries a code or text of an order's SMS: `redact_events` takes it out some time after the
-- order has closed. Private; called with the user's row locked.
-- Locks: redactions (row).
create or replace function schedule_redaction(p_order_id uuid, p_user_id uuid, p_seq bigint, p_closed_at timestamptz)
returns void
language sql as $$
    insert into redactions (order_id, user_id, seqs, closed_at)
    values (p_order_id, p_user_id, array[p_seq], p_closed_at)
    on conflict (order_id) do update set seqs = redactions.seqs || p_seq, closed_at = p_closed_at
$$;
