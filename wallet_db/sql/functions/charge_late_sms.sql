-- Takes again what went back for an order that has had its SMS since: a hold of its own, spent at once. 'charged', or
-- null if the user has not got it. Private: callers hold the wallet's lock and have seen that it was not taken yet.
-- Locks: none beyond the caller's. Raises: OS001 insufficient_funds is caught.
create or replace function charge_late_sms(p_activation activations, p_amount numeric, p_actor text) returns text
language plpgsql as $$
declare
    v_transaction_id text := format('activation:%s:late', p_activation.id);
begin
    perform atomic_freeze(p_activation.user_id, p_amount, v_transaction_id, 'SMS after the refund',
                          p_actor => p_actor);
    perform atomic_commit(p_activation.user_id, p_transaction_id => v_transaction_id,
                          p_reason => 'SMS after the refund', p_actor => p_actor);
    return 'charged';
exception when sqlstate 'OS001' then
    return null;
end $$;
