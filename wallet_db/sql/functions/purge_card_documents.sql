-- Removes documents whose time is over, p_limit at most; how many.
-- Locks: card_documents (rows, SKIP LOCKED).
create or replace function purge_card_documents(p_limit integer, p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_purged integer;
begin
    delete from card_documents
     where id in (select id from card_documents where purge_at <= p_now
                   order by purge_at limit p_limit for update skip locked);
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;
