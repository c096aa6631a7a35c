-- Tickets: a session for one connection, within seconds, for clients whose address is all they can send. Of a ticket
-- only a digest is kept. Unlogged, for none outlives a restart of the server by much.
create unlogged table tickets (
    digest            bytea            not null constraint tickets_pkey primary key,
    user_id           uuid             not null,
    role              text             not null,
    token_id          text             not null,
    issued_at         double precision not null,  -- the token's times, in seconds since the epoch
    token_expires_at  double precision not null,
    expires_at        timestamptz      not null
);
create index tickets_by_user on tickets (user_id, expires_at);
create index tickets_by_end on tickets (expires_at);
