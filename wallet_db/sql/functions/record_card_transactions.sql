-- What the provider lists of a card's transactions, each {"id", "usd", "type", "method", "narrative", "status", "at"},
-- usd signed: onto the card positive. New ones are written, and status and amount of those that are known: what was
-- reserved at first may cost another sum in the end. p_tell: the owner gets an event of each; false for what happened
-- before we were asked. The rules look at them (again). How many were new or changed.
-- Locks: users, then cards (row), then card_transactions. Raises: OS025 card_not_found.
create or replace function record_card_transactions(
    p_card_id uuid, p_transactions jsonb, p_now timestamptz default now(), p_tell boolean default true
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
    v_written integer;
begin
    insert into card_transactions as known (card_id, user_id, provider_transaction_id, usd, type, method, narrative,
                                            status, at, told_at)
    select distinct on (t.id) p_card_id, v_card.user_id, t.id, t.usd, t.type, t.method, t.narrative, t.status,
           coalesce(t.at, p_now), case when p_tell then p_now end
      from jsonb_to_recordset(p_transactions) as t (
               id text, usd numeric, type text, method text, narrative text, status text, at timestamptz)
     order by t.id, t.at
    on conflict (card_id, provider_transaction_id) do update
       set status = excluded.status, usd = excluded.usd, judged_at = null
     where (known.status, known.usd) <> (excluded.status, excluded.usd);
    get diagnostics v_written = row_count;
    return v_written;
end $$;
