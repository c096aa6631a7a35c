-- Tells the operators of a wallet that only a person can set right: in system_logs, and as an event of their stream.
-- Once for one fault with the same figures; again if it lasts longer than a day. Answers whether it was told now.
-- Private: callers hold the wallet's lock, so two do not tell the same.
-- Locks: users (the operators' row, after the caller's wallet).
create or replace function alert_wallet(p_health jsonb, p_refusal text, p_now timestamptz) returns boolean
language plpgsql as $$
declare
    v_data jsonb := p_health || case when p_refusal is null then '{}' else jsonb_build_object('refused', p_refusal) end;
    v_told jsonb;
begin
    select data into v_told from system_logs
     where level = 'critical' and source = 'correct_frozen_balance' and at > p_now - interval '1 day'
       and data ->> 'user_id' = p_health ->> 'user_id'
     order by at desc, id desc limit 1;
    if v_told = v_data then
        return false;
    end if;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'critical', 'correct_frozen_balance', 'a wallet needs a person', v_data);
    perform append_event('00000000-0000-4000-8000-6f7065726174', 'admin.alert',
                         v_data || '{"alert": "wallet"}');
    return true;
end $$;
