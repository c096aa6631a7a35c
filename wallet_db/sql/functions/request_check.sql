-- The user wants an order looked at now, at most once in 5 seconds. While it is being bought nothing is to be seen, and
-- the purchase's lease is kept. Returns the order.
-- Locks: users, then activations. Raises: OS007 unknown_order (also for another user's), OS016 already_closed,
--        OS023 check_too_soon.
create or replace function request_check(
    p_user_id uuid, p_activation_id uuid, p_now timestamptz default clock_timestamp()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations;
begin
    perform from activations where id = p_activation_id and user_id = p_user_id;
    if not found then
        raise exception using errcode = 'OS007', message = format('no activation %s', p_activation_id),
            detail = jsonb_build_object('order_id', p_activation_id)::text;
    end if;
    v_activation := lock_activation(p_activation_id);
    if v_activation.closed_at is not null then
        raise exception using errcode = 'OS016',
            message = format('the order has already ended: %s', v_activation.status),
            detail = jsonb_build_object('order_id', p_activation_id, 'status', v_activation.status)::text;
    elsif v_activation.check_requested_at > p_now - interval '5 seconds' then
        raise exception using errcode = 'OS023', message = 'the order has just been looked at',
            detail = jsonb_build_object('order_id', p_activation_id, 'retry_after_s', greatest(1, ceil(extract(
                epoch from v_activation.check_requested_at + interval '5 seconds' - p_now))::integer))::text;
    end if;
    update activations
       set check_requested_at = p_now, due_at = case status when 'ordering' then due_at else p_now end
     where id = p_activation_id
    returning * into v_activation;
    return activation_json(v_activation);
end $$;
