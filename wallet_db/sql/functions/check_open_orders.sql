-- Refuses one more order to a user who has as many unserved ones as open_orders_per_user_max allows (0: any number).
-- Private: callers hold the wallet's lock, so that two at once cannot both be the last.
-- Locks: none beyond the caller's. Raises: OS018 too_many_open_orders.
create or replace function check_open_orders(p_user_id uuid) returns void
language plpgsql as $$
declare
    v_max integer := (select (value #>> '{}')::numeric::integer from settings where key = 'open_orders_per_user_max');
    v_open integer;
begin
    if coalesce(v_max, 0) = 0 then
        return;
    end if;
    select (select count(*) from activations where user_id = p_user_id and frozen_amount > 0)
         + (select count(*) from rentals where user_id = p_user_id and frozen_amount > 0) into v_open;
    if v_open >= v_max then
        raise exception using errcode = 'OS018',
            message = format('%s orders are open, and no more than %s may be', v_open, v_max),
            detail = jsonb_build_object('open', v_open, 'max', v_max)::text;
    end if;
end $$;
