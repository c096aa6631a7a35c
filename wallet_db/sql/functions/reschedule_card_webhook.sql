-- Gives a lease back: the webhook's event is next due then. If somebody else made it due meanwhile, that stands.
-- Locks: strowallet_webhook_events (row).
create or replace function reschedule_card_webhook(
    p_id bigint, p_leased_until timestamptz, p_due_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update strowallet_webhook_events set due_at = p_due_at where id = p_id and due_at = p_leased_until
$$;
