-- Hands due orders to one poller: each is leased by moving its due_at to the lease's end, so a poller that dies leaves
-- nothing behind but a row that becomes due again. Rows another poller is claiming are skipped, not waited for.
-- Returns the order with its service and country by name, and by the codes of the provider it is with; before there is
-- one, by those of the SMS-Activate protocol.
-- Locks: activations (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_activations(
    p_limit integer, p_lease interval, p_now timestamptz default now()
) returns table (
    id uuid, user_id uuid, status text, service_code text, country_code text, price numeric, provider text,
    provider_order_id text, phone text, created_at timestamptz, purchase_started_at timestamptz,
    purchased_at timestamptz, expires_at timestamptz, cancel_requested_at timestamptz, was_due_at timestamptz,
    leased_until timestamptz, service text, country text, attempts integer,
    another_sms_requested_at timestamptz, another_sms_asked_at timestamptz, finish_requested_at timestamptz,
    check_requested_at timestamptz, checked_at timestamptz, waits_until timestamptz, retry_of uuid,
    retry_number integer, request_id text
)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select a.id, a.due_at, a.service, a.country, a.provider from activations a where a.due_at <= p_now
         order by a.due_at limit p_limit for no key update skip locked
    )
    update activations a set due_at = p_now + p_lease
      from due
      join services s using (service)
      join countries c using (country)
      left join provider_services ps using (provider, service)
      left join provider_countries pc using (provider, country)
     where a.id = due.id
    returning a.id, a.user_id, a.status, coalesce(ps.code, s.code), coalesce(pc.code, c.code), a.price, a.provider,
              a.provider_order_id, a.phone, a.created_at, a.purchase_started_at, a.purchased_at, a.expires_at,
              a.cancel_requested_at, due.due_at, a.due_at, a.service, a.country, a.attempts,
              a.another_sms_requested_at, a.another_sms_asked_at, a.finish_requested_at, a.check_requested_at,
              a.checked_at, a.waits_until, a.retry_of, a.retry_number,
              a.request_id
$$;
