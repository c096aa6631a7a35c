-- Ends an order that had no SMS ('timeout', or 'cancelled' and ENDED: by the provider), or no number ('failed'), as
-- close_activation does; and where its user wants that, tries again in the same transaction: another order, with a
-- freeze of its own, over a route of p_providers that the chain has not tried (plan_retry). The ended order names the
-- new one, retried_by, or says why there is none, retry_refused. An order without a number is tried again only if it is
-- a retry: who has just bought hears of the refusal, and decides.
-- Once, because the order ends once: who finds it closed, or served, changes nothing and is answered false. So is whose
-- lease is another's by now (p_leased_until): that no number was sold is true only while nobody else may be buying one.
-- Null: the provider's final word on the order's number, which needs no lease.
-- Locks: users, then activations, then route_attempts (row).
-- Raises: OS007 unknown_order, OS008 invalid_transition. OS001 insufficient_funds and OS018 too_many_open_orders are
--         caught: they refuse the retry, and not the end.
create or replace function end_unserved(
    p_activation_id uuid, p_status text, p_error_code text, p_providers text[], p_outcome text default null,
    p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
    v_ending activations;
    v_retry activations;
    v_refused text;
begin
    if v_activation.due_at is distinct from coalesce(p_leased_until, v_activation.due_at) then
        return false;
    end if;
    if v_activation.retry_countries is null or v_activation.status not in ('ordering', 'pending')
       or (p_status = 'timeout' or p_error_code = 'ENDED'
           or p_status = 'failed' and v_activation.retry_of is not null) is not true then
        return close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
    end if;
    v_ending := v_activation;
    v_ending.status := p_status;
    select country, price, refused into v_retry.country, v_retry.price, v_refused
      from plan_retry(v_ending, p_providers, p_now);
    if v_refused is null then
        v_retry.id := gen_random_uuid();
        v_retry.user_id := v_activation.user_id;
        v_retry.service := v_activation.service;
        v_retry.max_price := coalesce(v_activation.max_price, v_activation.price);
        v_retry.retry_countries := v_activation.retry_countries;
        v_retry.retry_of := coalesce(v_activation.retry_of, v_activation.id);
        v_retry.retry_number := coalesce(v_activation.retry_number, 0) + 1;
        v_retry.request_id := v_activation.request_id;
        v_retry.created_at := p_now;
        begin
            -- Not visible by itself: the event of the end, which follows, tells it.
            update activations set retried_by = v_retry.id where id = p_activation_id;
            perform close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
            perform place_activation(v_retry);
            return true;
        exception
            when sqlstate 'OS001' then v_refused := 'INSUFFICIENT_FUNDS';
            when sqlstate 'OS018' then v_refused := 'TOO_MANY_OPEN_ORDERS';
        end;
    end if;
    update activations set retry_refused = v_refused where id = p_activation_id;
    return close_activation(p_activation_id, p_status, p_error_code, p_now, p_outcome);
end $$;
