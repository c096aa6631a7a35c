-- When a client said that it had shown an event: kept for disputes ("the code was on the screen at 14:03").
create table receipts (
    user_id    uuid        not null,
    seq        bigint      not null,
    transport  text        not null,
    at         timestamptz not null default now(),
    constraint receipts_pkey primary key (user_id, seq),
    constraint receipts_event_exists foreign key (user_id, seq) references events on delete cascade,
    constraint receipts_transport_known check (transport in ('ws', 'http'))
);
