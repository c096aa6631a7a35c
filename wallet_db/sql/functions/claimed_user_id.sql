-- The user on whose behalf a layer in front of the database asks: `sub` of the token's claims, which PostgREST puts
-- into request.jwt.claims, else onesms.user_id. Null if neither is set, or what is set names nobody: row-level security
-- then shows nothing, and tells nothing of why. Whoever can set these sets them to anybody: it is for layers that check
-- tokens, not a login for users.
-- Locks: none. Raises: nothing.
create or replace function claimed_user_id() returns uuid
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    v_claims text := nullif(current_setting('request.jwt.claims', true), '');
begin
    if v_claims is null then
        return nullif(current_setting('onesms.user_id', true), '')::uuid;
    end if;
    return (v_claims::json ->> 'sub')::uuid;
exception when data_exception or program_limit_exceeded then
    return null;
end $$;
