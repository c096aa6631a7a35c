-- Deletes up to p_limit of the oldest events, none younger than p_kept, from the lowest id above p_after upwards, and
-- stops at the first that is still kept. So what a user is left with is the end of their stream, without a gap, and
-- nothing is looked for by time: ids and times rise together, but for transactions that were open for long, whose
-- events stay a little longer. The next seq hangs on users.event_seq and not on the newest event: that one may go, too.
-- Answers how many went, and the id to go on after: beginning at 0 again would walk over what was deleted just now.
-- Locks: events (rows, by id).
-- Raises: OS014 invalid_argument (less than a day).
create or replace function forget_events(
    p_kept interval, p_limit integer default 1000, p_after bigint default 0, p_now timestamptz default now(),
    out forgotten bigint, out last_id bigint
)
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if p_kept is null or p_kept < interval '1 day' then
        raise exception using errcode = 'OS014', message = format('p_kept: expected a day or more, got %s', p_kept),
            detail = '{"argument": "p_kept"}';
    end if;
    select coalesce(min(id) filter (where at >= p_now - p_kept) - 1, max(id), p_after) into last_id
      from (select id, at from events where id > p_after order by id limit p_limit) oldest;
    -- `at` again: one with a lower id may have been committed since.
    delete from events where id > p_after and id <= last_id and at < p_now - p_kept;
    get diagnostics forgotten = row_count;
end $$;
