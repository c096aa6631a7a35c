-- The provider surely was not paid: the intent is taken back, and may be carried out again at p_due_at. Not of one that
-- it has accepted. p_leased_until: as with begin_card_funding.
-- Locks: card_fundings (row).
create or replace function abandon_card_funding(
    p_funding_id uuid, p_due_at timestamptz, p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_fundings set begun_at = null, seen = null, due_at = p_due_at
     where id = p_funding_id and kind = 'funding' and status = 'ordering'
       and due_at = coalesce(p_leased_until, due_at);
    return found;
end $$;
