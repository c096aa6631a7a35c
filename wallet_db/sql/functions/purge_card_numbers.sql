-- Forgets what of a number is kept, of cards closed before p_closed_before, p_limit at most: the last four digits, the
-- expiry and the name on it. How many cards. Their owners' books stay.
-- Locks: cards (rows, SKIP LOCKED).
create or replace function purge_card_numbers(p_limit integer, p_closed_before timestamptz) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_purged integer;
begin
    update cards set name_on_card_sealed = null, last4_sealed = null, expiry_sealed = null
     where id in (select id from cards
                   where closed_at < p_closed_before
                     and (name_on_card_sealed is not null or last4_sealed is not null or expiry_sealed is not null)
                   order by closed_at limit p_limit for no key update skip locked);
    get diagnostics v_purged = row_count;
    return v_purged;
end $$;
