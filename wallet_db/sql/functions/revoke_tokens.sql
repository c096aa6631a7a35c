-- Revokes one token by its id, or all that a user was given before p_now, and tells the gateways. Once more is later
-- for a user, and nothing new for a token. Returns the moment that counts.
-- Locks: revocations. Raises: OS014 invalid_argument (not exactly one of the two; a token id of no or too many
--        characters).
create or replace function revoke_tokens(
    p_user_id uuid default null, p_token_id text default null, p_actor text default null,
    p_now timestamptz default clock_timestamp()
) returns timestamptz
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_at timestamptz;
begin
    if num_nonnulls(p_user_id, p_token_id) <> 1 then
        raise exception using errcode = 'OS014', message = 'expected either p_user_id or p_token_id',
            detail = jsonb_build_object('argument', 'p_user_id')::text;
    elsif length(p_token_id) not between 1 and 200 then
        raise exception using errcode = 'OS014',
            message = format('p_token_id: expected 1 to 200 characters, got %s', length(p_token_id)),
            detail = jsonb_build_object('argument', 'p_token_id')::text;
    end if;
    if p_user_id is not null then
        insert into revocations as r (user_id, at, actor, xid)
        values (p_user_id, p_now, acting(p_actor), pg_current_xact_id())
        on conflict (user_id) do update
           set at = greatest(r.at, excluded.at), actor = excluded.actor, xid = excluded.xid
        returning at into v_at;
    else
        insert into revocations as r (token_id, at, actor, xid)
        values (p_token_id, p_now, acting(p_actor), pg_current_xact_id())
        on conflict (token_id) do update set at = greatest(r.at, excluded.at), xid = excluded.xid
        returning at into v_at;
    end if;
    perform pg_notify('onesms_revocations', '');
    return v_at;
end $$;
