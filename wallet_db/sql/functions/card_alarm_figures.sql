-- What the cards' alarms are judged by: webhooks of the last hour, and how many of them could not be applied or were
-- not rightly signed; cards blocked in the last 24 hours, and on each of up to 28 such days before, the latest first,
-- as far back as there are cards; of the last reconciliation of each provider that is over, what it left to look at and
-- balances beyond the tolerance; and for how long the oldest one has been open that is not.
create or replace function card_alarm_figures(p_now timestamptz default now()) returns table (
    webhooks_received bigint, webhooks_failed bigint, blocked_day bigint, blocked_days bigint[],
    mismatches_left bigint, balances_beyond bigint, reconciliation_open interval
)
language sql stable security definer set search_path = public, pg_temp as $$
    select w.received, w.failed,
           (select count(*) from strowallet_card_audit
             where diff -> 'status' ->> 1 = 'blocked' and action <> 'imported'
               and at > p_now - interval '1 day' and at <= p_now),
           array(select (select count(*) from strowallet_card_audit
                          where diff -> 'status' ->> 1 = 'blocked' and action <> 'imported'
                            and at > p_now - (days + 1) * interval '1 day' and at <= p_now - days * interval '1 day')
                   from generate_series(1, 28) days
                  where p_now - (days + 1) * interval '1 day' >= (select min(created_at) from cards)
                  order by days),
           r.mismatches_left, r.balances_beyond,
           coalesce((select p_now - min(asked_at) from card_reconciliations where ended_at is null), '0')
      from (select count(*) as received, count(*) filter (where status = 'failed' or not signature_valid) as failed
              from strowallet_webhook_events
             where source = 'webhook' and received_at > p_now - interval '1 hour' and received_at <= p_now) w,
           (select coalesce(sum(mismatches - corrected + unread), 0) as mismatches_left,
                   coalesce(sum(beyond), 0) as balances_beyond
              from (select distinct on (provider) * from card_reconciliations
                     where ended_at is not null and ended_at <= p_now order by provider, id desc) latest) r
$$;
