-- Says that a card is not in a state for what was asked of it. Private.
-- Locks: none. Raises: OS026 card_not_usable.
create or replace function refuse_card_use(p_card cards) returns void
language plpgsql as $$
begin
    raise exception using errcode = 'OS026',
        message = format('the card is %s%s', p_card.status, ', to be ' || p_card.wanted_action || 'ed'),
        detail = jsonb_build_object('card_id', p_card.id, 'status', p_card.status,
                                    'wanted_action', p_card.wanted_action)::text;
end $$;
