-- Tells the operators that the money of a card's funding and what the provider did have gone apart, or may have: an
-- error, so it becomes an alert. Private. p_message: CARD_MAY_EXIST, CARD_FUNDING_MAY_EXIST or CARD_PAID_AND_FAILED.
-- Locks: none.
create or replace function tell_card_money(
    p_funding card_fundings, p_message text, p_reason text, p_now timestamptz
) returns void
language sql as $$
    insert into system_logs (at, level, source, message, data)
    select p_now, 'error', 'cards', p_message, jsonb_build_object(
               'card_id', c.id, 'funding_id', p_funding.id, 'user_id', c.user_id, 'provider', c.provider,
               'amount', p_funding.price::text, 'usd', p_funding.usd::text, 'request_id', p_funding.request_id,
               'reason', p_reason)
      from cards c where c.id = p_funding.card_id
$$;
