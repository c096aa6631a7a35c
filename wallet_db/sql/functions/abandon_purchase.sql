-- The provider surely did not sell: the intent is taken back, and the order may be bought again when it is due.
-- A cancel requested meanwhile is due at once.
-- Locks: activations (row).
create or replace function abandon_purchase(p_activation_id uuid, p_due_at timestamptz) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update activations
       set purchase_started_at = null, provider = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_activation_id and status = 'ordering';
    return found;
end $$;
