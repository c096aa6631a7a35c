-- Writes down, before the provider is asked, that it is going to be. True for one caller, until abandon_purchase says
-- that nothing was bought: whoever finds it already begun must look upstream for an orphan, never buy again.
-- Locks: activations (row).
create or replace function begin_purchase(
    p_activation_id uuid, p_provider text, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update activations set purchase_started_at = p_now, provider = p_provider
     where id = p_activation_id and status = 'ordering' and purchase_started_at is null
       and cancel_requested_at is null;
    return found;
end $$;
