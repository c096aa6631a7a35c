-- Refunds up to p_limit holds whose time is over; returns how many. A wallet that somebody works on is skipped, not
-- waited for: its hold is due again next time. So this does not wait for a wallet while it holds another, and does not
-- deadlock with those who settle in the foreground. A wallet whose figures cannot be (v_frozen_balance_health) is
-- skipped, too, and one that refuses is alerted: neither may keep everybody else's holds.
-- Locks: users (SKIP LOCKED), then each hold as settle_hold does; the operators' row for an alert.
create or replace function expire_holds(p_limit integer default 100, p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '50ms' as $$
declare
    v_due record;
    v_expired integer := 0;
begin
    for v_due in
        select h.user_id, h.transaction_id, h.amount
          from wallet_holds h join users u on u.id = h.user_id and u.frozen_balance between h.amount and u.balance
         where h.state = 'held' and h.expires_at <= p_now order by h.expires_at
    loop
        exit when v_expired >= p_limit;
        begin
            -- SKIP LOCKED waits all the same for a row that was just updated and is being updated again. With the
            -- wallets we hold already that wait could close a circle; lock_timeout ends it.
            perform from users
              where id = v_due.user_id and frozen_balance between v_due.amount and balance
                for no key update skip locked;
            continue when not found;
        exception when lock_not_available then
            continue;
        end;
        perform from wallet_holds where transaction_id = v_due.transaction_id and state = 'held';
        continue when not found;
        begin
            perform settle_hold('refund', v_due.user_id, null, null, v_due.transaction_id, 'expired', null);
            v_expired := v_expired + 1;
        exception when others then
            if sqlstate !~ '^(OS|23)' then  -- a refusal or a constraint is this hold's fault; others are not
                raise;
            end if;
            perform alert_wallet(wallet_health(v_due.user_id) || jsonb_build_object('hold', v_due.transaction_id),
                                 sqlerrm, p_now);
        end;
    end loop;
    return v_expired;
end $$;
