-- What our orders say about the account with one provider, all time. bought, returned: costs, which only grow, so two
-- answers that are equal saw nothing move between them; a number served after it was given back is bought once more.
-- slack: of what is under way, and of numbers and extensions whose cost the provider did not tell, the most it can come
-- to. Reads every order of the provider.
create or replace function provider_books(
    p_provider text, p_now timestamptz default now()
) returns table (bought numeric, returned numeric, slack numeric)
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(sum(o.cost) filter (where o.is_bought), 0) + coalesce(sum(o.cost) filter (where o.is_late), 0),
           coalesce(sum(o.cost) filter (where o.is_bought and o.is_returned), 0),
           coalesce(sum(case when o.is_returned and not o.is_late then 0
                             when o.is_bought and o.cost is not null then case when o.is_moving then o.cost else 0 end
                             when o.is_bought or o.is_moving then o.price
                             else 0 end), 0)
           + coalesce(sum(case when o.is_returned then 0 else o.extensions end), 0)
      from (select provider_order_id is not null as is_bought,
                   status in ('cancelled', 'timeout', 'failed') as is_returned, late_sms_at is not null as is_late,
                   provider_cost as cost, price, 0 as extensions,
                   case status when 'ordering' then purchase_started_at is not null
                               when 'pending' then cancel_requested_at is not null
                                                   or coalesce(waits_until, expires_at) <= p_now
                               else false end as is_moving
              from activations where provider = p_provider
             union all
            select provider_order_id is not null, status in ('cancelled', 'failed'), false, provider_cost, price,
                   extension_untold + case when extension_started_at is null then 0
                                           else greatest(extension_price, extension_cost) end,
                   case status when 'ordering' then purchase_started_at is not null
                               when 'active' then cancel_requested_at is not null or ends_at <= p_now
                               else false end
              from rentals where provider = p_provider) o
$$;
