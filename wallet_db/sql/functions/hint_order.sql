-- There may be news of a provider's order: it is looked at now, at most once a second for this reason, and once in ten
-- seconds if it has closed, which it must have done within a day. Where the account's open orders are looked at
-- together, and quickly, that look is due, not sooner than its last one allows; should the order not be among those it
-- shows, `hint_absent` has it looked at by itself. Nothing else changes, so a hint that is wrong, or told again and
-- again, costs a look. Whether the order is known, and open or closed so lately. Activations and rentals are numbered
-- apart: a hint may mean either.
-- Locks: activations, late_looks, provider_accounts or rentals (row).
create or replace function hint_order(
    p_provider text, p_provider_order_id text, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_is_together constant boolean := exists (
        select from provider_accounts where provider = p_provider and covered_until > p_now and not is_slow);
begin
    update activations set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second')
       and not (v_is_together and (status = 'pending' or status = 'received' and another_sms_asked_at is not null));
    if v_is_together and exists (
        select from activations
         where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null)
    ) then
        update activations set hinted_at = null
         where provider = p_provider and provider_order_id = p_provider_order_id and hinted_at is not null
           and (status = 'pending' or status = 'received' and another_sms_asked_at is not null);
        update provider_accounts set is_hinted = true, due_at = least(due_at, greatest(p_now, hints_from))
         where provider = p_provider and not is_hinted;
    end if;
    with closed as (
        update activations set hinted_at = p_now
         where provider = p_provider and provider_order_id = p_provider_order_id
           and closed_at > p_now - interval '1 day'
           and (hinted_at is null or hinted_at <= p_now - interval '10 seconds')
        returning id
    )
    insert into late_looks (activation_id, provider, due_at, until, hinted_at)
    select id, p_provider, p_now, p_now, p_now from closed
        on conflict (activation_id) do update set due_at = p_now, hinted_at = p_now;
    update rentals set due_at = least(due_at, p_now), hinted_at = p_now
     where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null
       and (hinted_at is null or hinted_at <= p_now - interval '1 second');
    return exists (select from activations
                    where provider = p_provider and provider_order_id = p_provider_order_id
                      and (due_at is not null or closed_at > p_now - interval '1 day'))
        or exists (select from rentals
                    where provider = p_provider and provider_order_id = p_provider_order_id and due_at is not null);
end $$;
