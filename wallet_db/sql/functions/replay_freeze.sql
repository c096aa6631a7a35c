-- What a freeze answers that was made before: the first result, if the arguments are the same. Private.
-- Locks: none; a hold's freeze never changes. Raises: OS002 unknown_user, OS005 idempotency_mismatch.
create or replace function replay_freeze(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_activation_id uuid, p_rental_id uuid,
    p_expires_at timestamptz, p_funding_id uuid
) returns jsonb
language plpgsql as $$
declare
    v_hold wallet_holds;
    v_field text;
begin
    select * into strict v_hold from wallet_holds where transaction_id = p_transaction_id;
    v_field := case when v_hold.user_id is distinct from p_user_id then 'user_id'
                    when v_hold.amount <> p_amount then 'amount'
                    when v_hold.activation_id is distinct from p_activation_id then 'activation_id'
                    when v_hold.rental_id is distinct from p_rental_id then 'rental_id'
                    when v_hold.expires_at is distinct from p_expires_at then 'expires_at'
                    when v_hold.funding_id is distinct from p_funding_id then 'funding_id' end;
    if v_field = 'user_id' and not exists (select from users where id = p_user_id) then
        raise exception using errcode = 'OS002', message = format('no user %s', coalesce(p_user_id::text, 'null')),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    elsif v_field is not null then
        perform refuse_mismatch(p_transaction_id, v_field);
    end if;
    return operation_result(o, o, true)
      from balance_operations o where o.user_id = p_user_id and o.number = v_hold.frozen_number;
end $$;
