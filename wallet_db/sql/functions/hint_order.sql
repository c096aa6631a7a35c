-- There may be news of a provider's order: it is looked at now, at most once a second for this reason. Nothing else
-- changes, so a hint that is wrong, or told again and again, costs a look. Whether the order is known and open.
-- Activations and rentals are numbered apart: a hint may mean either.
-- Locks: activations or rentals (row).
create or replace function hint_order(
    p_provider text, p_provider_order_id text, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update activations set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second');
    update rentals set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second');
    return exists (select from activations
                    where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null)
        or exists (select from rentals
                    where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null);
end $$;
