-- An account's orders cannot be looked at all at once any more: each is due by itself again, spread over p_within, and
-- none is taken for covered. Orders that are due within that time anyway, or leased, are left alone. Returns how many.
-- Locks: provider_accounts (row), activations (rows, SKIP LOCKED).
create or replace function uncover_orders(
    p_provider text, p_within interval, p_now timestamptz default now()
) returns integer
language sql security definer set search_path = public, pg_temp as $$
    with account as (
        update provider_accounts set covered_until = null where provider = p_provider
    ), parked as (
        select id from activations
         where provider = p_provider and due_at > p_now + p_within
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
           for no key update skip locked
    ), made_due as (
        update activations a set due_at = p_now + random() * p_within from parked where a.id = parked.id
        returning 1
    )
    select count(*)::integer from made_due
$$;
