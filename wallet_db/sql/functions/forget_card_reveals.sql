-- Deletes up to p_limit reveals that were over p_kept ago or longer, the oldest first: who asked for a number, and
-- when, the audit keeps. Returns how many.
-- Locks: card_reveals (rows, SKIP LOCKED).
create or replace function forget_card_reveals(
    p_limit integer, p_kept interval, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_forgotten integer;
begin
    delete from card_reveals
     where id in (select id from card_reveals where ended_at <= p_now - p_kept
                   order by ended_at limit p_limit for update skip locked);
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;
