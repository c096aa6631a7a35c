-- Writes down that a card is not as its provider says; once for each card, kind and reconciliation, corrected if it
-- ever was. ours, theirs: a balance, a status, or null where there is none.
-- Locks: card_mismatches (row).
create or replace function record_card_mismatch(
    p_reconciliation_id bigint, p_card_id uuid, p_kind text, p_ours text, p_theirs text, p_corrected boolean,
    p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into card_mismatches as m (reconciliation_id, card_id, kind, ours, theirs, corrected, at)
    values (p_reconciliation_id, p_card_id, p_kind, p_ours, p_theirs, p_corrected, p_now)
        on conflict (reconciliation_id, card_id, kind) do update set corrected = m.corrected or excluded.corrected
$$;
