-- These orders were not among those the provider told of all at once: up to p_limit of them are looked at now, each
-- once in p_every at most, those that were never looked at for it first. Returns how many.
-- Locks: activations (rows, SKIP LOCKED).
create or replace function hint_absent(
    p_activation_ids uuid[], p_every interval, p_limit integer, p_now timestamptz default now()
) returns integer
language sql security definer set search_path = public, pg_temp as $$
    with absent as (
        select id from activations
         where id = any (p_activation_ids) and status = 'pending'
           and (hinted_at is null or hinted_at <= p_now - p_every)
         order by hinted_at nulls first limit p_limit for no key update skip locked
    ), hinted as (
        update activations a set due_at = least(a.due_at, p_now), hinted_at = p_now
          from absent where a.id = absent.id
        returning 1
    )
    select count(*)::integer from hinted
$$;
