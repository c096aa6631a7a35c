-- Takes the payloads out of up to p_limit webhooks received p_kept ago or longer, the oldest first, once they are
-- decided: that they came stays, and by which id, so none is applied twice. Returns how many.
-- Locks: strowallet_webhook_events (rows, SKIP LOCKED).
create or replace function purge_card_payloads(
    p_limit integer, p_kept interval, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_purged integer;
begin
    update strowallet_webhook_events e set payload = '{}'
      from (select id from strowallet_webhook_events
             where payload <> '{}' and status <> 'new' and received_at <= p_now - p_kept
             order by received_at limit p_limit for no key update skip locked) old
     where e.id = old.id;
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;
