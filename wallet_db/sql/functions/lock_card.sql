-- Locks a card and, first, its owner's wallet; returns the card as it is under the locks. With p_user_id another user's
-- card is as unknown as none. Private.
-- Locks: users, then cards (row). Raises: OS025 card_not_found.
create or replace function lock_card(p_card_id uuid, p_user_id uuid default null) returns cards
language plpgsql as $$
declare
    v_card cards;
begin
    select * into v_card from cards where id = p_card_id and (p_user_id is null or user_id = p_user_id);
    if not found then
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    perform lock_user_wallet(v_card.user_id);
    select * into v_card from cards where id = p_card_id for no key update;
    return v_card;
end $$;
