-- The provider surely did not rent: the intent is taken back, and may be carried out again when the rental is due.
-- A cancel requested meanwhile is due at once. p_leased_until: the caller's lease; if it is another's by now, that one
-- decides, and this changes nothing. Null: the caller has none.
-- Locks: rentals (row).
create or replace function abandon_rental_purchase(
    p_rental_id uuid, p_due_at timestamptz, p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update rentals
       set purchase_started_at = null, provider = null, purchase_seen = null,
           due_at = case when cancel_requested_at is null then p_due_at else now() end
     where id = p_rental_id and status = 'ordering' and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
