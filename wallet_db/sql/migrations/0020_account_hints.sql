-- Where an account's orders are looked at together, a hint at one of them makes the next look at all due sooner.

alter table provider_accounts
    add column is_hinted   boolean      not null default false,  -- at one of its orders, since the last look began
    add column hints_from  timestamptz  not null default now(),  -- no hint makes it due before that
    add column is_slow     boolean      not null default false;  -- the last look: a hint is answered by one at its order

-- It takes one more argument.
drop function if exists finish_account_look(text, timestamptz, timestamptz, timestamptz);
