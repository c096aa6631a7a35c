-- These orders were not among those the provider told of all at once: up to p_limit of them are looked at now, each
-- once in p_every at most, but those never looked at for it, or named by a hint since, first. Returns how many. (Due a
-- moment before they were hinted at, they are told apart from those of a webhook, see `was_hinted`.)
-- Locks: activations (rows, SKIP LOCKED).
create or replace function hint_absent(
    p_activation_ids uuid[], p_every interval, p_limit integer, p_now timestamptz default now()
) returns integer
language sql security definer set search_path = public, pg_temp as $$
    with absent as (
        select id from activations
         where id = any (p_activation_ids)
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
           and (hinted_at is null or hinted_at <= p_now - p_every)
         order by hinted_at nulls first limit p_limit for no key update skip locked
    ), hinted as (
        update activations a set due_at = least(a.due_at, p_now - interval '1 millisecond'), hinted_at = p_now
          from absent where a.id = absent.id
        returning 1
    )
    select count(*)::integer from hinted
$$;
