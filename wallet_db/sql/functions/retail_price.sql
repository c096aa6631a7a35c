-- What a user pays for a number now; null: not for sale. With a margin it is made of the cost of the cheapest usable
-- route (used, in stock, priced not too long ago; of these providers, if they are named), rounded up to the service's
-- step; else, or where none is known, it is the service's fixed price. Private.
create or replace function retail_price(
    p_service services, p_country text, p_now timestamptz, p_providers text[] default null
) returns numeric
language plpgsql stable as $$
declare
    v_cost numeric;
begin
    if p_service.price is null or p_service.margin_percent is null then
        return p_service.price;
    end if;
    select min(cost) into v_cost from routes
     where service = p_service.service and country = p_country and state <> 'disabled' and stock > 0
       and priced_at > p_now - route_prices_max_age() and (p_providers is null or provider = any (p_providers));
    return coalesce(
        ceil((v_cost * (1 + p_service.margin_percent / 100) + p_service.margin_fixed) / p_service.price_step)
            * p_service.price_step,
        p_service.price);
end $$;
