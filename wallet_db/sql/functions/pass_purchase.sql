-- The provider surely did not sell, and another one is to be asked: ends one attempt and begins the next in one
-- transaction, so that the row says at any moment who may have sold. The lease begins anew; returns its end. Null: not
-- to be bought by the caller any more, because the order was decided, a cancel was wanted (it is due at once), or the
-- lease ran out and somebody else has claimed the order.
-- Locks: activations (row), route_attempts (row, insert).
create or replace function pass_purchase(
    p_activation_id uuid, p_leased_until timestamptz, p_outcome text, p_provider text, p_lease interval,
    p_now timestamptz default now()
) returns timestamptz
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations;
begin
    select * into v_activation from activations where id = p_activation_id for no key update;
    if not found or v_activation.status <> 'ordering' or v_activation.purchase_started_at is null
       or v_activation.due_at is distinct from p_leased_until then
        return null;
    elsif v_activation.cancel_requested_at is not null then
        perform abandon_purchase(p_activation_id, p_now, p_outcome, p_now);
        return null;
    end if;
    update route_attempts set ended_at = p_now, outcome = p_outcome
     where activation_id = p_activation_id and number = v_activation.attempts;
    update activations
       set purchase_started_at = p_now, provider = p_provider, attempts = attempts + 1, due_at = p_now + p_lease
     where id = p_activation_id;
    insert into route_attempts (activation_id, number, provider, service, country, started_at)
    values (p_activation_id, v_activation.attempts + 1, p_provider, v_activation.service, v_activation.country, p_now);
    return p_now + p_lease;
end $$;
