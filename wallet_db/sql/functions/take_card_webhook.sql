-- Keeps what a provider of cards told us unasked, once by its id: true the first time. A poller looks at the card
-- before anything follows of it. One whose signature does not count is kept and ignored. p_payload comes redacted.
-- Locks: strowallet_webhook_events (insert).
create or replace function take_card_webhook(
    p_event_id text, p_event text, p_provider text, p_provider_card_id text, p_payload jsonb,
    p_signature_valid boolean, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into strowallet_webhook_events (event_id, event, card_id, provider_card_id, payload, signature_valid, status,
                                           received_at, due_at)
    values (p_event_id, p_event,
            (select id from cards where provider = p_provider and provider_card_id = p_provider_card_id),
            p_provider_card_id, p_payload, p_signature_valid,
            case when p_signature_valid then 'new' else 'ignored' end, p_now,
            case when p_signature_valid then p_now end)
    on conflict (event_id) do nothing;
    if found and p_signature_valid then
        perform pg_notify('onesms_card_jobs', 'webhooks');
        return true;
    end if;
    return found;
end $$;
