-- What the peers' users have: a table of messages, and a trigger that notifies of each with the row as its payload, in
-- the transaction that writes it. silent_messages is the same without anybody being told.
create table peer_messages (
    id bigint generated always as identity primary key,
    user_id uuid not null,
    body jsonb not null,
    created_at timestamptz not null default now()
);
create table silent_messages (like peer_messages including all);

create function notify_peer_message() returns trigger
language plpgsql as $$
begin
    perform pg_notify('peer_messages', row_to_json(new)::text);
    return null;
end $$;

create trigger peer_messages_notify after insert on peer_messages
    for each row execute function notify_peer_message();

-- What Socket.IO's Postgres adapter wants for payloads beyond those of NOTIFY.
create table socket_io_attachments (
    id bigserial unique,
    created_at timestamptz default now(),
    payload bytea
);
