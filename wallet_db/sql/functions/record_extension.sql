-- The provider extended the rental: it ends later, and the extra stays held until then. False if no extension was under
-- way any more. What the user asked for meanwhile is due at once. p_total_cost: of the rental with all its extensions,
-- where the provider tells it; else what it said before (begin_extension) is added, or the cost counts as untold.
-- Locks: users, then rentals. Raises: OS007 unknown_order.
create or replace function record_extension(
    p_rental_id uuid, p_ends_at timestamptz, p_due_at timestamptz, p_total_cost numeric default null,
    p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_cost numeric := coalesce(p_total_cost, v_rental.provider_cost + v_rental.extension_cost);
begin
    if v_rental.extension_status is distinct from 'requested' or v_rental.extension_started_at is null then
        return false;
    end if;
    update rentals
       set hours = hours + extension_hours, price = price + extension_price, ends_at = greatest(ends_at, p_ends_at),
           extension_status = 'extended', extension_started_at = null, extension_cost = null,
           provider_cost = coalesce(v_cost, provider_cost),
           extension_untold = extension_untold + case when v_cost is null then extension_price else 0 end,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else p_now end
     where id = p_rental_id;
    return true;
end $$;
