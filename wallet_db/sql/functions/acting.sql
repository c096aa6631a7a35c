-- Who acts, for the audit: the database role, which cannot be claimed, then whom it says it acts for. Private.
-- The role is the one taken with SET ROLE if one was, else the one that logged in: inside these functions current_user
-- is their owner.
create or replace function acting(p_actor text default null) returns text
language sql stable as $$
    select case current_setting('role') when 'none' then session_user::text else current_setting('role') end
        || coalesce(':' || p_actor, '')
$$;
