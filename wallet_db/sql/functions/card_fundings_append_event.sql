-- A funding's change is its card's, as its owner sees it. Locks: users.
create or replace function card_fundings_append_event() returns trigger
language plpgsql as $$
begin
    perform append_event(new.user_id, 'card.updated', card_json(c)) from cards c where c.id = new.card_id;
    return null;
end $$;
