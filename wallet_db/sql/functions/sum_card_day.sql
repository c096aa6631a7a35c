-- Writes what happened to cards on one day (UTC), a row for each provider; done again it writes the same, or what has
-- been heard of that day since. Imported cards are not of the day they were imported on. spent_usd: what purchases
-- took, without those declined, failed or reversed. fees: what wallets paid beyond the dollars' price of today, so a
-- day is summed up while its prices stand.
-- Locks: card_daily (rows). Two calls for a day write one after the other.
create or replace function sum_card_day(p_day date) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_from timestamptz := p_day::timestamp at time zone 'UTC';
    v_to timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
    v_rows integer;
begin
    insert into card_daily as d (day, provider, cards_created, cards_ended, fundings, funded_usd, spent_usd, declined,
                                 fees)
    select p_day, p.provider, coalesce(c.created, 0), coalesce(c.ended, 0), coalesce(f.fundings, 0),
           coalesce(f.usd, 0), coalesce(t.spent, 0), coalesce(t.declined, 0), coalesce(f.fees, 0)
      from (select provider from card_offers union select provider from cards) p
      left join (
            select provider, count(*) filter (where imported_at is null and created_at >= v_from
                                                and created_at < v_to) as created,
                   count(*) filter (where closed_at >= v_from and closed_at < v_to
                                      and closed_at is distinct from imported_at) as ended
              from cards group by provider) c using (provider)
      left join (
            select k.provider, count(*) as fundings, sum(f.usd) as usd,
                   sum(f.price - round(f.usd * coalesce(o.usd_price, 0), 2)) as fees
              from card_fundings f join cards k on k.id = f.card_id
              left join card_offers o on o.provider = k.provider
             where f.status = 'completed' and f.ended_at >= v_from and f.ended_at < v_to
             group by k.provider) f using (provider)
      left join (
            select k.provider,
                   sum(-t.usd) filter (where t.usd < 0 and t.status not in ('declined', 'failed', 'reversed')) as spent,
                   count(*) filter (where t.usd <= 0 and t.status in ('declined', 'failed')) as declined
              from card_transactions t join cards k on k.id = t.card_id
             where t.at >= v_from and t.at < v_to
             group by k.provider) t using (provider)
        on conflict (day, provider) do update
           set cards_created = excluded.cards_created, cards_ended = excluded.cards_ended,
               fundings = excluded.fundings, funded_usd = excluded.funded_usd, spent_usd = excluded.spent_usd,
               declined = excluded.declined, fees = excluded.fees;
    get diagnostics v_rows = row_count;
    return v_rows;
end $$;
