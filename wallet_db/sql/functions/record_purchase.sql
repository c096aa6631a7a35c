-- The provider sold the number: ordering → pending. False if the order was not waiting for one any more (another poller
-- recorded it first, or gave the intent up). A cancel requested meanwhile is due at once.
-- Locks: users, then activations, then route_attempts (row). Raises: OS007 unknown_order.
create or replace function record_purchase(
    p_activation_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_expires_at timestamptz,
    p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.status <> 'ordering' or v_activation.purchase_started_at is null then
        return false;
    end if;
    update activations
       set status = 'pending', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, expires_at = p_expires_at,
           due_at = case when v_activation.cancel_requested_at is null then p_due_at else p_now end
     where id = p_activation_id;
    update route_attempts set ended_at = p_now, outcome = 'sold'
     where activation_id = p_activation_id and number = v_activation.attempts;
    return true;
end $$;
