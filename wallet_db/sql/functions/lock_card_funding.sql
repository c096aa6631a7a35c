-- Locks a funding and, first, its owner's wallet and its card; returns the funding as it is under the locks. Private.
-- Locks: users, then cards (row), then card_fundings (row). Raises: OS007 unknown_order.
create or replace function lock_card_funding(p_funding_id uuid) returns card_fundings
language plpgsql as $$
declare
    v_funding card_fundings;
begin
    select * into v_funding from card_fundings where id = p_funding_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no funding %s', p_funding_id),
            detail = jsonb_build_object('order_id', p_funding_id)::text;
    end if;
    perform lock_card(v_funding.card_id);
    select * into v_funding from card_fundings where id = p_funding_id for no key update;
    return v_funding;
end $$;
