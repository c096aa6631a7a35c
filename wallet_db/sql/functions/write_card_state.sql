-- Writes a card's state as record_card_state has judged it, with what follows for the wish, the refresh and the next
-- look. Private: callers hold the card's lock.
-- Locks: none beyond the caller's but cards (row).
create or replace function write_card_state(
    p_card cards, p_status text, p_balance numeric, p_checked_at timestamptz, p_last4_sealed bytea,
    p_expiry_sealed bytea, p_brand text, p_due_at timestamptz, p_leased_until timestamptz, p_now timestamptz
) returns void
language plpgsql as $$
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
