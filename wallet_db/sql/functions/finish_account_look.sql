-- A look at all open orders of an account is over; the next is due then, or as soon as hints are heard again if one
-- came while it was under way. p_covered_until: how long what it told is relied on; null: it was not answered.
-- p_hints_from: no hint makes it due before that; null: before its time. Is that more than two seconds away, hints are
-- answered by single looks, see hint_order. If the lease had run out and somebody else looks by now, that stands.
-- Locks: provider_accounts (row).
create or replace function finish_account_look(
    p_provider text, p_leased_until timestamptz, p_due_at timestamptz, p_covered_until timestamptz,
    p_hints_from timestamptz default null
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update provider_accounts
       set due_at = case when is_hinted then least(p_due_at, coalesce(p_hints_from, p_due_at)) else p_due_at end,
           hints_from = coalesce(p_hints_from, p_due_at),
           is_slow = coalesce(p_hints_from > now() + interval '2 seconds', is_slow),
           covered_until = coalesce(p_covered_until, covered_until)
     where provider = p_provider and due_at = p_leased_until
$$;
