-- All rules have looked at these transactions.
-- Locks: card_transactions (rows).
create or replace function mark_card_transactions_judged(p_ids bigint[], p_now timestamptz default now()) returns void
language sql security definer set search_path = public, pg_temp as $$
    update card_transactions set judged_at = p_now where id = any (p_ids) and judged_at is null
$$;
