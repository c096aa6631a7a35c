-- Who acts, for the audit: the database role, which cannot be claimed, then whom it says it acts for: what its
-- transaction has set as onesms.actor, then p_actor. Private.
-- The role is the one taken with SET ROLE if one was, else the one that logged in: inside these functions current_user
-- is their owner.
create or replace function acting(p_actor text default null) returns text
language sql stable as $$
    select concat_ws(':', case current_setting('role') when 'none' then session_user::text
                                                       else current_setting('role') end,
                     nullif(left(current_setting('onesms.actor', true), 1000), ''), p_actor)
$$;
