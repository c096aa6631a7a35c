-- Writes down, before the provider is asked, that it is going to be. True for one caller, until abandon_purchase or
-- pass_purchase says that nothing was bought: whoever finds it already begun must look upstream for an orphan, never
-- buy again.
-- p_leased_until: the caller's lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: activations (row), route_attempts (insert).
create or replace function begin_purchase(
    p_activation_id uuid, p_provider text, p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations;
begin
    update activations set purchase_started_at = p_now, provider = p_provider, attempts = attempts + 1
     where id = p_activation_id and status = 'ordering' and purchase_started_at is null
       and cancel_requested_at is null and due_at = coalesce(p_leased_until, due_at)
    returning * into v_activation;
    if not found then
        return false;
    end if;
    insert into route_attempts (activation_id, number, provider, service, country, started_at)
    values (p_activation_id, v_activation.attempts, p_provider, v_activation.service, v_activation.country, p_now);
    return true;
end $$;
