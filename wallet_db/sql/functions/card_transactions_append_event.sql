-- A transaction of a card, as its owner sees it. Locks: users.
create or replace function card_transactions_append_event() returns trigger
language plpgsql as $$
begin
    perform append_event(new.user_id, 'card.transaction', card_transaction_json(new));
    return null;
end $$;
