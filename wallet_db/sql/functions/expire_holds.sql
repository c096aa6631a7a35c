-- Refunds up to p_limit holds whose time is over; returns how many. A wallet that somebody works on is skipped, not
-- waited for: its hold is due again next time. So this never waits for a wallet while it holds another, and cannot
-- deadlock with those who settle in the foreground.
-- Locks: users (SKIP LOCKED), then each hold as settle_hold does.
create or replace function expire_holds(p_limit integer default 100, p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_due record;
    v_expired integer := 0;
begin
    for v_due in
        select user_id, transaction_id from wallet_holds
         where state = 'held' and expires_at <= p_now order by expires_at limit p_limit
    loop
        perform from users where id = v_due.user_id for no key update skip locked;
        continue when not found;
        perform from wallet_holds where transaction_id = v_due.transaction_id and state = 'held';
        continue when not found;
        perform settle_hold('refund', v_due.user_id, null, null, v_due.transaction_id, 'expired', null);
        v_expired := v_expired + 1;
    end loop;
    return v_expired;
end $$;
