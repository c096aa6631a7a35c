-- What our orders say about the account with one provider, all time. bought, returned: costs, which only grow, so two
-- answers that are equal saw nothing move between them. slack: of what is under way, and of numbers whose cost the
-- provider did not tell (of rentals the extensions, too), the most it can come to. Reads every order of the provider.
create or replace function provider_books(
    p_provider text, p_now timestamptz default now()
) returns table (bought numeric, returned numeric, slack numeric)
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(sum(o.cost) filter (where o.is_bought), 0),
           coalesce(sum(o.cost) filter (where o.is_bought and o.is_returned), 0),
           coalesce(sum(case when o.is_returned then 0
                             when o.is_bought and o.cost is not null then case when o.is_moving then o.cost else 0 end
                             when o.is_bought or o.is_moving then o.price
                             else 0 end), 0)
           + coalesce(sum(case when o.is_returned then 0 else o.extensions end), 0)
      from (select provider_order_id is not null as is_bought,
                   status in ('cancelled', 'timeout', 'failed') as is_returned,
                   provider_cost as cost, price, 0 as extensions,
                   case status when 'ordering' then purchase_started_at is not null
                               when 'pending' then cancel_requested_at is not null or expires_at <= p_now
                               else false end as is_moving
              from activations where provider = p_provider
             union all
            select provider_order_id is not null, status in ('cancelled', 'failed'), provider_cost, price,
                   (select coalesce(sum(h.amount - h.refunded_amount), 0) from wallet_holds h
                     where h.rental_id = rentals.id and h.transaction_id like 'rental:%:extension:%'),
                   case status when 'ordering' then purchase_started_at is not null
                               when 'active' then cancel_requested_at is not null or ends_at <= p_now
                               else false end
              from rentals where provider = p_provider) o
$$;
