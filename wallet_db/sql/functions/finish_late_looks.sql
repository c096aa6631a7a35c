-- These closed orders have been looked at. Those whose next look would come after their time are done with; the others
-- are due as claim_late_looks has set them. One that somebody has hinted at meanwhile stays due at once.
-- Locks: late_looks (rows).
create or replace function finish_late_looks(p_activation_ids uuid[], p_leased_until timestamptz) returns void
language sql security definer set search_path = public, pg_temp as $$
    with over as (
        delete from late_looks
         where activation_id = any (p_activation_ids) and due_at = p_leased_until and until < due_at
    )
    update late_looks set hinted_at = null
     where activation_id = any (p_activation_ids) and due_at = p_leased_until and until >= due_at
       and hinted_at is not null
$$;
