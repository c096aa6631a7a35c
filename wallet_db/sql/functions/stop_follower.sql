-- The order has had its SMS after all: whichever order of its chain is still trying need not any more. If nobody was
-- asked for its number yet, it is cancelled here and now, and its money is free; else its cancel is wanted, as if its
-- user had asked, and the provider decides. Its error_code says why. Whether an order of the chain goes on holding
-- money. Private: the caller holds the wallet's lock.
-- Locks: activations (row of the follower).
create or replace function stop_follower(p_activation activations, p_now timestamptz) returns boolean
language plpgsql as $$
declare
    v_follower activations;
begin
    select * into v_follower from activations
     where retry_of = coalesce(p_activation.retry_of, p_activation.id)
       and retry_number > coalesce(p_activation.retry_number, 0) and status in ('ordering', 'pending')
       for no key update;
    if not found then
        return false;
    elsif v_follower.status = 'ordering' and v_follower.purchase_started_at is null then
        perform close_activation(v_follower.id, 'cancelled', 'SERVED_BEFORE', p_now);
        return false;
    end if;
    update activations
       set cancel_requested_at = coalesce(cancel_requested_at, p_now), cancel_allowed_at = null,
           error_code = 'SERVED_BEFORE', due_at = case status when 'ordering' then due_at else p_now end
     where id = v_follower.id;
    return true;
end $$;
