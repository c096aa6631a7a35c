-- Deletes up to p_limit of the oldest rows of provider_calls that are older than p_kept, from the lowest id upwards,
-- and stops at the first that is younger. Returns how many went.
-- Locks: provider_calls (rows, by id).
-- Raises: OS014 invalid_argument (less than a day).
create or replace function forget_provider_calls(
    p_kept interval, p_limit integer default 1000, p_now timestamptz default now()
) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_forgotten bigint;
begin
    if p_kept is null or p_kept < interval '1 day' then
        raise exception using errcode = 'OS014', message = format('p_kept: expected a day or more, got %s', p_kept),
            detail = '{"argument": "p_kept"}';
    end if;
    delete from provider_calls
     where at < p_now - p_kept
       and id <= (select coalesce(min(id) filter (where at >= p_now - p_kept) - 1, max(id))
                    from (select id, at from provider_calls order by id limit p_limit) oldest);
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;
