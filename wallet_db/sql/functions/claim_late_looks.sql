-- The closed orders of an account that are due for another look, up to p_limit: each is due again after p_every, so a
-- look that is cut off is made again. is_hinted: it is to be asked about by itself. leased_until is for
-- finish_late_looks.
-- Locks: late_looks (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_late_looks(
    p_provider text, p_every interval, p_limit integer, p_now timestamptz default now()
) returns table (id uuid, provider_order_id text, is_hinted boolean, leased_until timestamptz, request_id text)
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select activation_id from late_looks where provider = p_provider and due_at <= p_now
         order by due_at limit p_limit for update skip locked
    )
    update late_looks l set due_at = p_now + p_every
      from due join activations a on a.id = due.activation_id
     where l.activation_id = due.activation_id
    returning a.id, a.provider_order_id, l.hinted_at is not null, l.due_at, a.request_id
$$;
