-- A webhook that another application had recorded becomes history here: its signature counts as not valid, and nothing
-- is ever done about it. Whether it is new; one with the same event_id changes nothing.
-- Locks: strowallet_webhook_events (row).
create or replace function import_card_webhook(
    p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb, p_received_at timestamptz
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into strowallet_webhook_events (event_id, event, card_id, provider_card_id, payload, signature_valid, source,
                                           status, received_at)
    select p_event_id, p_event,
           (select id from cards where provider = p_provider and provider_card_id = p_provider_card_id),
           p_provider_card_id, p_payload, false, 'import', 'ignored', p_received_at
        on conflict (event_id) do nothing;
    return found;
end $$;
