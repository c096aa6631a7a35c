-- All cards have been compared: counts what was found and keeps the report, {"agrees", "kinds": {"balance": 2},
-- "worst": [{"card_id", "kind", "ours", "theirs", "corrected"}]}, the largest differences first, 50 at most. It agrees
-- if nothing was found and every card could be asked about. Whether the caller still had the lease; if not, nothing is
-- changed.
-- Locks: card_reconciliations (row).
create or replace function finish_card_reconciliation(
    p_id bigint, p_leased_until timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_kinds jsonb;
    v_found integer;
    v_corrected integer;
    v_worst jsonb;
begin
    perform from card_reconciliations where id = p_id and due_at = p_leased_until for update;
    if not found then
        return false;
    end if;
    select coalesce(jsonb_object_agg(kind, times), '{}'), coalesce(sum(times), 0), coalesce(sum(corrected), 0)
      into v_kinds, v_found, v_corrected
      from (select kind, count(*) as times, count(*) filter (where corrected) as corrected
              from card_mismatches where reconciliation_id = p_id group by kind) k;
    select coalesce(jsonb_agg(jsonb_build_object('card_id', card_id, 'kind', kind, 'ours', ours, 'theirs', theirs,
                                                 'corrected', corrected) order by difference desc, card_id), '[]')
      into v_worst
      from (select m.*, case kind when 'balance' then abs(theirs::numeric - ours::numeric)
                                  else 'infinity'::numeric end as difference
              from card_mismatches m where reconciliation_id = p_id
             order by difference desc, card_id limit 50) w;
    update card_reconciliations
       set ended_at = p_now, due_at = null, mismatches = v_found, corrected = v_corrected,
           report = jsonb_build_object('agrees', v_found = 0 and unread = 0, 'kinds', v_kinds, 'worst', v_worst)
     where id = p_id;
    return true;
end $$;
