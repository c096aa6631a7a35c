-- An order of a chain has ended, or is served, and its money is free or spent: what the orders before it still owe for
-- a late SMS (apply_late_sms) is taken now, if the user has it, else it is our loss. Nothing for any other order.
-- Private: the caller holds the wallet's lock and has settled the order's hold.
-- Locks: activations (rows of the chain).
create or replace function settle_owed_sms(p_ended activations, p_actor text, p_now timestamptz) returns void
language plpgsql as $$
declare
    v_owing activations;
    v_amount numeric;
begin
    if p_ended.retry_of is null then
        return;
    end if;
    for v_owing in
        select * from activations
         where (id = p_ended.retry_of or retry_of = p_ended.retry_of) and error_code = 'LATE_SMS_OWED'
         order by retry_number nulls first for no key update
    loop
        v_amount := refunded_of(v_owing.id);
        if charge_late_sms(v_owing, v_amount, p_actor) is null then
            perform lose_late_sms(v_owing, v_amount, 'charge', p_now);
        end if;
        update activations set error_code = 'LATE_SMS' where id = v_owing.id;
    end loop;
end $$;
