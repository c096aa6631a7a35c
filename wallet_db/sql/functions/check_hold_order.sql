-- Refuses a hold for an order that could never give it back: another user's, one that is served or closed, an
-- activation that is held for already. An order without a row yet is fine: its row may come later in the transaction.
-- Private: callers hold the wallet's lock, without which no order of this user is created, served or closed.
-- Locks: none beyond the caller's.
-- Raises: OS005 idempotency_mismatch, OS007 unknown_order, OS014 invalid_argument, OS016 already_closed.
create or replace function check_hold_order(
    p_user_id uuid, p_transaction_id text, p_activation_id uuid, p_rental_id uuid, p_expires_at timestamptz
) returns void
language plpgsql as $$
declare
    v_order_id uuid := coalesce(p_activation_id, p_rental_id);
    v_user_id uuid;
    v_status text;
begin
    if num_nonnulls(p_activation_id, p_rental_id) > 1 then
        raise exception using errcode = 'OS014', message = 'expected an activation or a rental, got both',
            detail = '{"argument": "p_rental_id"}';
    elsif p_expires_at is not null and v_order_id is not null then
        raise exception using errcode = 'OS014', message = 'expected an order or a time of expiry, got both: an order '
            'ends its hold itself', detail = '{"argument": "p_expires_at"}';
    elsif not isfinite(p_expires_at) then
        raise exception using errcode = 'OS014', message = format('expected a time, got %s', p_expires_at),
            detail = '{"argument": "p_expires_at"}';
    end if;
    select user_id, status into v_user_id, v_status from activations where id = p_activation_id
     union all select user_id, status from rentals where id = p_rental_id;
    if v_user_id <> p_user_id then
        raise exception using errcode = 'OS007', message = format('no order %s', v_order_id),
            detail = jsonb_build_object('order_id', v_order_id)::text;
    elsif v_status not in ('ordering', 'pending', 'active') then
        raise exception using errcode = 'OS016', message = format('the order holds nothing any more: %s', v_status),
            detail = jsonb_build_object('order_id', v_order_id, 'status', v_status)::text;
    elsif v_order_id is not null and exists (select from wallet_holds where settled_by = p_transaction_id
                                                                         and settled_by <> transaction_id) then
        -- A settlement of this order that is repeated under the id would mean this hold instead of what it ended.
        perform refuse_mismatch(p_transaction_id, 'hold_transaction_id');
    elsif exists (select from wallet_holds where activation_id = p_activation_id and state = 'held'
                                                and transaction_id <> p_transaction_id) then
        raise exception using errcode = 'OS005',
            message = format('activation %s is already held for by another transaction', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id, 'field', 'transaction_id')::text;
    end if;
end $$;
