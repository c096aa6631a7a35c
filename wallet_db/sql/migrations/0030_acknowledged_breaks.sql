-- Breaks of the audit that an operator has looked into: an operation that does not begin where the one before it ended.
-- The audit is not rewritten, so such a break stays; `check` tells it as acknowledged as long as it is by these figures.

create table acknowledged_breaks (
    user_id             uuid           not null,
    number              bigint         not null,  -- the operation that begins elsewhere
    balance_difference  numeric(14,2)  not null,  -- how much more it found than the one before it left
    frozen_difference   numeric(14,2)  not null,
    reason              text           not null,
    actor               text           not null,
    acknowledged_at     timestamptz    not null,
    constraint acknowledged_breaks_pkey primary key (user_id, number),
    constraint acknowledged_breaks_are_breaks check (balance_difference <> 0 or frozen_difference <> 0)
);

-- They are told an operator's reason from now on.
drop function if exists close_activation(uuid, text, text, timestamptz, text);
drop function if exists close_rental(uuid, text, text, integer, timestamptz, timestamptz);
drop function if exists correct_frozen_balance(uuid, timestamptz);
