-- The provider rented the number out: ordering → active. False if the rental was not waiting for one any more. A cancel
-- requested meanwhile is due at once.
-- Locks: users, then rentals. Raises: OS007 unknown_order.
create or replace function record_rental_purchase(
    p_rental_id uuid, p_provider_order_id text, p_phone text, p_cost numeric, p_ends_at timestamptz,
    p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.status <> 'ordering' or v_rental.purchase_started_at is null then
        return false;
    end if;
    update rentals
       set status = 'active', provider_order_id = p_provider_order_id, phone = p_phone, provider_cost = p_cost,
           purchased_at = p_now, ends_at = p_ends_at, purchase_seen = null,
           due_at = case when v_rental.cancel_requested_at is null then p_due_at else p_now end
     where id = p_rental_id;
    return true;
end $$;
