-- So many more cards have been compared, up to p_after_id; the lease becomes p_due_at (now: whoever comes goes on). All
-- figures are added to what there is. Whether the caller still had the lease; if not, nothing is changed.
-- Locks: card_reconciliations (row).
create or replace function advance_card_reconciliation(
    p_id bigint, p_leased_until timestamptz, p_due_at timestamptz, p_after_id uuid, p_cards integer, p_moving integer,
    p_unread integer, p_beyond integer, p_usd_ours numeric, p_usd_theirs numeric
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_reconciliations
       set due_at = p_due_at, after_id = p_after_id, cards = cards + p_cards, moving = moving + p_moving,
           unread = unread + p_unread, beyond = beyond + p_beyond, usd_ours = usd_ours + p_usd_ours,
           usd_theirs = usd_theirs + p_usd_theirs
     where id = p_id and due_at = p_leased_until;
    return found;
end $$;
