-- The provider surely did not sell: the intent is taken back, and the order may be bought again when it is due.
-- A cancel requested meanwhile is due at once. p_outcome is the code of the refusal. p_leased_until: the caller's
-- lease; if it is another's by now, that one decides, and this changes nothing. Null: the caller holds the row itself.
-- Locks: activations (row), route_attempts (row).
create or replace function abandon_purchase(
    p_activation_id uuid, p_due_at timestamptz, p_outcome text default 'PROVIDER_UNAVAILABLE',
    p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_number integer;
begin
    update activations
       set purchase_started_at = null, provider = null,
           due_at = case when cancel_requested_at is null then p_due_at else p_now end
     where id = p_activation_id and status = 'ordering' and due_at = coalesce(p_leased_until, due_at)
    returning attempts into v_number;
    if not found then
        return false;
    end if;
    update route_attempts set ended_at = p_now, outcome = p_outcome
     where activation_id = p_activation_id and number = v_number and outcome is null;
    return true;
end $$;
