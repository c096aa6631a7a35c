-- What cards of a provider cost, for so many dollars. Private.
-- Locks: none. Raises: OS030 invalid_card_amount, OS031 cards_not_sold.
create or replace function find_card_offer(p_provider text, p_usd numeric) returns card_offers
language plpgsql stable as $$
declare
    v_offer card_offers;
begin
    select * into v_offer from card_offers where provider = p_provider and on_sale;
    if not found then
        raise exception using errcode = 'OS031', message = format('no cards of %s are for sale', p_provider),
            detail = jsonb_build_object('provider', p_provider)::text;
    elsif (p_usd between v_offer.usd_min and v_offer.usd_max and p_usd = round(p_usd, 2)) is not true then
        raise exception using errcode = 'OS030',
            message = format('expected from %s to %s dollars, to the cent, got %s', v_offer.usd_min, v_offer.usd_max,
                             coalesce(left(p_usd::text, 400), 'null')),
            detail = jsonb_build_object('usd', left(p_usd::text, 400), 'min', v_offer.usd_min::text,
                                        'max', v_offer.usd_max::text)::text;
    end if;
    return v_offer;
end $$;
