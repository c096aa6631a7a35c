-- A look at all open orders of an account is over; the next is due then. p_covered_until: how long what it told is
-- relied on; null: it was not answered. If the lease had run out and somebody else looks by now, that stands.
-- Locks: provider_accounts (row).
create or replace function finish_account_look(
    p_provider text, p_leased_until timestamptz, p_due_at timestamptz, p_covered_until timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update provider_accounts set due_at = p_due_at, covered_until = coalesce(p_covered_until, covered_until)
     where provider = p_provider and due_at = p_leased_until
$$;
