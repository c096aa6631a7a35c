-- Locks an order and, first, its owner's wallet; returns the order as it is under the locks.
-- Locks: users, then activations (row). Raises: OS007 unknown_order.
create or replace function lock_activation(p_activation_id uuid) returns activations
language plpgsql as $$
declare
    v_activation activations;
begin
    select * into v_activation from activations where id = p_activation_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    perform lock_user_wallet(v_activation.user_id);
    select * into v_activation from activations where id = p_activation_id for no key update;
    return v_activation;
end $$;
