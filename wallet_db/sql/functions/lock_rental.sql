-- Locks a rental and, first, its owner's wallet; returns the rental as it is under the locks. With p_user_id another
-- user's rental is as unknown as none.
-- Locks: users, then rentals (row). Raises: OS007 unknown_order.
create or replace function lock_rental(p_rental_id uuid, p_user_id uuid default null) returns rentals
language plpgsql as $$
declare
    v_rental rentals;
begin
    select * into v_rental from rentals
     where id = p_rental_id and (p_user_id is null or user_id = p_user_id);
    if not found then
        raise exception using errcode = 'OS007', message = format('no rental %s', p_rental_id),
            detail = jsonb_build_object('order_id', p_rental_id)::text;
    end if;
    perform lock_user_wallet(v_rental.user_id);
    select * into v_rental from rentals where id = p_rental_id for no key update;
    return v_rental;
end $$;
