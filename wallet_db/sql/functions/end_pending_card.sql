-- A card that was to be made is not: pending_activation → failed. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's but cards (row).
create or replace function end_pending_card(p_card_id uuid, p_error_code text, p_now timestamptz) returns void
language sql as $$
    update cards
       set status = 'failed', error_code = p_error_code, closed_at = p_now, due_at = null, refresh_asked_at = null
     where id = p_card_id and status = 'pending_activation'
$$;
