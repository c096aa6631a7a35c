-- Ends an order: cancelled, failed and timeout give its hold back, completed (after an SMS) has nothing left to give.
-- A timeout refunds timeout_refund_percent of the hold and commits the rest.
-- False if the order was already closed, or was served meanwhile: whoever came first under the lock has decided.
-- An attempt that was under way ends with p_outcome, or with the order's error code. What an operator refunded says
-- nothing of its route: neither served nor not.
-- p_reason is the operation's reason, if it has one of its own: an operator's. Else the status is.
-- A number given back is looked at for a while still: an SMS may come after the money went back.
-- What its chain owes for a late SMS is settled then. Why it was stopped (stop_follower) stays its error_code.
-- Locks: users, then activations (of its chain, too), then route_attempts (row), late_looks (insert).
-- Raises: OS007 unknown_order, OS008 invalid_transition (also to a status that ends nothing).
create or replace function close_activation(
    p_activation_id uuid, p_status text, p_error_code text default null, p_now timestamptz default now(),
    p_outcome text default null, p_reason text default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_transaction_id text := 'activation:' || p_activation_id;
    v_hold wallet_holds;
    v_refund numeric;
begin
    if p_status is null or p_status not in ('completed', 'cancelled', 'timeout', 'failed') then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends an order, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('order_id', p_activation_id, 'from', v_activation.status, 'to', p_status)::text;
    end if;
    if v_activation.closed_at is not null or (v_activation.status = 'received' and p_status <> 'completed') then
        return false;
    end if;
    update activations
       set status = p_status, frozen_amount = 0, closed_at = p_now, due_at = null,
           error_code = coalesce(p_error_code, case error_code when 'SERVED_BEFORE' then error_code end),
           cancel_requested_at = null, cancel_allowed_at = null
     where id = p_activation_id;
    update route_attempts
       set closed_at = p_now,
           status = case p_error_code when 'ENDED' then 'ended' when 'REFUNDED_BY_OPERATOR' then 'refunded'
                                      else p_status end,
           ended_at = coalesce(ended_at, p_now),
           outcome = coalesce(outcome, p_outcome, p_error_code, p_status)
     where activation_id = p_activation_id and number = v_activation.attempts;
    if v_activation.status = 'received' then
        return true;
    end if;
    insert into late_looks (activation_id, provider, due_at, until)
    select p_activation_id, v_activation.provider, p_now + interval '20 seconds', p_now + interval '10 minutes'
     where v_activation.provider_order_id is not null
        on conflict (activation_id) do nothing;
    v_hold := find_hold(v_activation.user_id, p_activation_id, null, null);
    v_refund := refund_due(p_status, v_activation.service, v_hold.amount);
    if v_refund = 0 then
        perform atomic_commit(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => coalesce(p_reason, p_status));
    else
        perform atomic_refund(v_activation.user_id, p_activation_id => p_activation_id,
                              p_transaction_id => v_transaction_id, p_reason => coalesce(p_reason, p_status),
                              p_amount => v_refund);
    end if;
    perform settle_owed_sms(v_activation, null, p_now);
    return true;
end $$;
