-- What a provider told us has been looked into: applied, ignored or failed. p_card_id: the card it turned out to be of.
-- False if that was said before, or the lease is another's by now.
-- Locks: strowallet_webhook_events (row).
create or replace function finish_card_webhook(
    p_id bigint, p_status text, p_error text default null, p_card_id uuid default null,
    p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update strowallet_webhook_events
       set status = p_status, error = p_error, card_id = coalesce(p_card_id, card_id), applied_at = p_now,
           due_at = null
     where id = p_id and status = 'new' and p_status <> 'new' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
