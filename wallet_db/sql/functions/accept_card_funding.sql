-- The provider has taken a funding on, and confirms it later: ordering → pending, looked at from p_due_at on. False if
-- it was not begun, or is decided. The provider's word is final and needs no lease.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS007 unknown_order.
create or replace function accept_card_funding(
    p_funding_id uuid, p_reference text, p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    if v_funding.kind <> 'funding' or v_funding.status <> 'ordering' or v_funding.begun_at is null then
        return false;
    end if;
    perform act_on_card('provider', (select provider from cards where id = v_funding.card_id));
    update card_fundings
       set status = 'pending', accepted_at = p_now, provider_reference = p_reference, due_at = p_due_at
     where id = p_funding_id;
    return true;
end $$;
