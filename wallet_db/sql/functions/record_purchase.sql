-- The provider sold the number: ordering → pending. False if the order was not waiting for one any more (another poller
-- recorded it first, or gave the intent up). A cancel requested meanwhile is due at once. Where an experiment says how
-- long to wait for the SMS, that is counted from here, and the order is looked at then at the latest.
-- Locks: users, then activations, then route_attempts (row). Raises: OS007 unknown_order.
create or replace function record_purchase(
    p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamptz,
    p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_waits_until timestamptz;
begin
    if v_activation.status <> 'ordering' or v_activation.purchase_started_at is null then
        return false;
    end if;
    if v_activation.waiting_arm_id is not null then
        select least(p_now + make_interval(secs => wait_s), p_expires_at) into v_waits_until
          from waiting_arms where id = v_activation.waiting_arm_id and wait_s is not null;
    end if;
    update activations
       set status = 'pending', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, expires_at = p_expires_at, waits_until = v_waits_until,
           due_at = case when v_activation.cancel_requested_at is null then least(p_due_at, v_waits_until)
                         else p_now end
     where id = p_activation_id;
    update route_attempts set ended_at = p_now, outcome = 'sold'
     where activation_id = p_activation_id and number = v_activation.attempts;
    return true;
end $$;
