-- Where an order that comes to nothing (its status says how) is to be tried again: the first of its retry_countries
-- with a route that its chain has not tried, one of these providers', used, not told to be sold out, for a price within
-- the limit: the user's max_price, else the price of the first order, less what the chain has cost, this order's end
-- included. Else why not: `refused`. Private.
-- Who has wanted to cancel does not want another number, nor does who has had a late SMS of the chain.
create or replace function plan_retry(
    p_activation activations, p_providers text[], p_now timestamptz,
    out country text, out price numeric, out refused text
) language plpgsql stable as $$
declare
    v_service services := find_service(p_activation.service);
    v_first uuid := coalesce(p_activation.retry_of, p_activation.id);
    v_number integer := coalesce(p_activation.retry_number, 0);
    v_max integer := (select (value #>> '{}')::numeric::integer from settings where key = 'timeout_retries_max');
    v_chain uuid[] := array(select id from activations where id = v_first or retry_of = v_first);
    v_limit numeric;
    v_country text;
    v_price numeric;
    v_untried text[];
begin
    if exists (select from sms_messages where activation_id = any (v_chain)) then
        refused := 'SERVED_BEFORE';
    elsif p_activation.cancel_requested_at is not null
       or p_activation.error_code in ('EARLY_CANCEL_DENIED', 'CANCEL_REFUSED') then
        refused := 'CANCEL_REQUESTED';
    elsif v_number >= coalesce(v_max, 0) then
        refused := 'RETRIES_USED_UP';
    elsif v_service.price is null then
        refused := 'NOT_FOR_SALE';
    end if;
    if refused is not null then
        return;
    end if;
    v_limit := coalesce(p_activation.max_price, p_activation.price)
        - (select coalesce(sum(committed_amount), 0) from wallet_holds where activation_id = any (v_chain))
        - (p_activation.price - refund_due(p_activation.status, p_activation.service, p_activation.price));
    refused := 'NO_NUMBERS';
    foreach v_country in array p_activation.retry_countries loop
        v_untried := array(select unnest(p_providers)
                           except select unnest(tried_providers(v_first, v_country, v_number + 1)));
        v_price := retail_price(v_service, v_country, p_now, v_untried);
        continue when not exists (
            select from provider_services s
              join provider_countries c on c.provider = s.provider and c.country = v_country
              left join routes r on r.provider = s.provider and r.service = s.service and r.country = v_country
             where s.service = v_service.service and s.provider = any (v_untried)
               and r.state is distinct from 'disabled'
               and (r.priced_at > p_now - route_prices_max_age() and (r.stock = 0 or r.cost > v_price)) is not true);
        if v_price <= v_limit then
            country := v_country;
            price := v_price;
            refused := null;
            return;
        end if;
        refused := 'PRICE_ABOVE_LIMIT';
    end loop;
end $$;
