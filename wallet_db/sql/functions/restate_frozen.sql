-- Sets a wallet's frozen balance to the sum of its open holds, by an operation of type `correct` whose "before" is what
-- was found. Changes nothing if they agree already, or if the balance does not cover the holds. Private: callers hold
-- the wallet's lock.
-- Locks: none beyond the caller's.
create or replace function restate_frozen(p_user_id uuid, p_actor text) returns void
language plpgsql as $$
declare
    v_user users;
    v_found numeric;
    v_held numeric;
begin
    select frozen_balance into strict v_found from users where id = p_user_id;
    select coalesce(sum(amount), 0) into v_held from wallet_holds where user_id = p_user_id and state = 'held';
    update users
       set frozen_balance = v_held, operation_number = operation_number + 1, event_seq = event_seq + 1
     where id = p_user_id and frozen_balance <> v_held and v_held <= balance
    returning * into v_user;
    if found then
        perform append_operation(
            v_user, 'correct', v_held - v_found, format('correct:%s:%s', p_user_id, v_user.operation_number),
            format('frozen was %s, open holds are %s', v_found, v_user.frozen_balance), p_actor);
    end if;
end $$;
