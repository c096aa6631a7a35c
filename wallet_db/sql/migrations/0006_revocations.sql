-- Tokens that count no more, though they are signed and have not expired: one, or all that a user was given before a
-- moment. A row is needed until the longest-lived token it may concern has expired (see forget_revocations).
create table revocations (
    user_id   uuid,
    token_id  text,
    at        timestamptz not null,
    actor     text        not null,
    xid       xid8        not null,  -- of who wrote it: readers read on from their last snapshot's oldest open one
    constraint revocations_of_a_user_or_a_token check (num_nonnulls(user_id, token_id) = 1),
    constraint revocations_once_per_user unique (user_id),
    constraint revocations_once_per_token unique (token_id),
    constraint revocations_token_id_is_short check (length(token_id) between 1 and 200)
);
create index revocations_by_xid on revocations (xid);
create index revocations_by_age on revocations (at);
