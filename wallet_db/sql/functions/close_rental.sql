-- Ends a rental and all its holds, each by its own name. completed (its owner ended it) and expired (its time is over)
-- spend them, cancelled and failed give them back. p_unused_hours: the provider ended it before its time, so that share
-- of what it cost goes back and the rest is spent. An extension still in doubt was not got: its hold goes back. Whether
-- it was sold is not known of a rental that its owner ended: its cost counts as untold.
-- False if the rental was already closed: whoever came first under the lock has decided. p_leased_until: the caller's
-- lease; false as well if it is another's by now, who decides by what he sees. Null: the caller's word needs none, an
-- operator's or the provider's final one.
-- p_reason is the operations' reason, if they have one of their own: an operator's. Else the status is.
-- Locks: users, then rentals. Raises: OS007 unknown_order, OS008 invalid_transition.
create or replace function close_rental(
    p_rental_id uuid, p_status text, p_error_code text default null, p_unused_hours integer default null,
    p_now timestamptz default now(), p_leased_until timestamptz default null,
    p_reason text default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_hold wallet_holds;
    v_back numeric;    -- what is still to go back
    v_refund numeric;  -- of this hold
begin
    if p_status is null or p_status not in ('completed', 'cancelled', 'expired', 'failed') then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends a rental, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('order_id', p_rental_id, 'from', v_rental.status, 'to', p_status)::text;
    end if;
    if v_rental.closed_at is not null or v_rental.due_at is distinct from coalesce(p_leased_until, v_rental.due_at) then
        return false;
    end if;
    update rentals
       set status = p_status, frozen_amount = 0, error_code = p_error_code, closed_at = p_now, due_at = null,
           cancel_requested_at = null, cancel_allowed_at = null, finish_requested_at = null, purchase_seen = null,
           extension_error_code = case extension_status when 'requested' then 'RENTAL_ENDED'
                                                        else extension_error_code end,
           extension_status = case extension_status when 'requested' then 'refused' else extension_status end,
           extension_started_at = null, extension_cost = null,
           extension_untold = extension_untold
               + case when extension_started_at is not null and p_status = 'completed' then extension_price else 0 end
     where id = p_rental_id;
    select case when p_status in ('completed', 'expired') then 0
                else round(sum(amount) * least(coalesce(p_unused_hours, v_rental.hours), v_rental.hours)
                           / v_rental.hours, 2) end
      into v_back
      from wallet_holds
     where rental_id = p_rental_id and state = 'held'
       and (v_rental.extension_status = 'requested' and transaction_id = v_rental.extension_transaction_id) is not true;
    for v_hold in
        select * from wallet_holds where rental_id = p_rental_id and state = 'held' order by frozen_number desc
    loop
        if v_rental.extension_status = 'requested' and v_hold.transaction_id = v_rental.extension_transaction_id then
            v_refund := v_hold.amount;
        else
            v_refund := least(v_back, v_hold.amount);
            v_back := v_back - v_refund;
        end if;
        if v_refund = 0 then
            perform atomic_commit(v_rental.user_id, p_transaction_id => v_hold.transaction_id,
                                  p_reason => coalesce(p_reason, p_status));
        else
            perform atomic_refund(v_rental.user_id, p_transaction_id => v_hold.transaction_id,
                                  p_reason => coalesce(p_reason, p_status), p_amount => v_refund);
        end if;
    end loop;
    return true;
end $$;
