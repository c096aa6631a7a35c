-- What was asked for, and by which request: an order's events and what is logged about it lead to who asked, and a key
-- that comes again with something else is refused.

alter table activations
    add column request_id      text,     -- of the HTTP request that placed the order, or the first of its chain
    add column request_digest  bytea;    -- of what its body said; null: nobody compares
alter table rentals
    add column request_id      text,
    add column request_digest  bytea;

-- Answers to POSTs with an Idempotency-Key, for a day, where the effect itself keeps no key. Unlogged, for each of these
-- requests may be carried out twice without harm: what is lost is the same answer.
create unlogged table kept_answers (
    user_id   uuid         not null,
    key       text         not null,
    path      text         not null,
    digest    bytea        not null,         -- of what the body said
    begun_at  timestamptz  not null,
    status    smallint,                      -- null: under way, or cut off
    body      bytea,
    constraint kept_answers_pkey primary key (user_id, key),
    constraint kept_answers_status_is_success check (status between 200 and 299)
);
create index kept_answers_by_user on kept_answers (user_id, begun_at);
create index kept_answers_by_age on kept_answers (begun_at);

-- Their arguments or columns change.
drop function if exists create_activation(uuid, text, text, text, numeric, timestamptz, boolean, text[]);
drop function if exists create_rental(uuid, text, text, integer, text, numeric, timestamptz);
drop function if exists claim_activations(integer, interval, timestamptz);
drop function if exists claim_rentals(integer, interval, timestamptz);
drop function if exists read_open_orders(text, interval, timestamptz);
drop function if exists claim_late_looks(text, interval, integer, timestamptz);
