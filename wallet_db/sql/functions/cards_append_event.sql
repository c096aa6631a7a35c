-- A card's change, as its owner sees it. Locks: users.
create or replace function cards_append_event() returns trigger
language plpgsql as $$
begin
    perform append_event(new.user_id, case tg_op when 'INSERT' then 'card.created' else 'card.updated' end,
                         card_json(new));
    return null;
end $$;
