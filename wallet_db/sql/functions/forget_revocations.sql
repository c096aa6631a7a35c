-- Deletes the revocations that concern no token any more, for none lives longer than p_lifetime. Returns how many.
-- Locks: revocations. Raises: OS014 invalid_argument (a lifetime of less than a minute).
create or replace function forget_revocations(p_lifetime interval, p_now timestamptz default now()) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_forgotten bigint;
begin
    if p_lifetime is null or p_lifetime < interval '1 minute' then
        raise exception using errcode = 'OS014',
            message = format('p_lifetime: expected a minute or more, got %s', p_lifetime),
            detail = jsonb_build_object('argument', 'p_lifetime')::text;
    end if;
    delete from revocations where at < p_now - p_lifetime;
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;
