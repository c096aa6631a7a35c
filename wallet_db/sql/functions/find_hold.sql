-- The hold a commit or refund means: the order's if an order is named (of several the one that p_transaction_id has
-- ended or names, else the open one, else the newest), otherwise the one frozen under p_transaction_id. Nulls: there is
-- none. Private.
-- Locks: none; without the wallet's lock it may be settled meanwhile. Raises: OS014 invalid_argument.
create or replace function find_hold(
    p_user_id uuid, p_activation_id uuid, p_rental_id uuid, p_transaction_id text
) returns wallet_holds
language plpgsql stable as $$
declare
    v_hold wallet_holds;
begin
    if num_nonnulls(p_activation_id, p_rental_id) > 1 then
        raise exception using errcode = 'OS014', message = 'expected an activation or a rental, got both',
            detail = '{"argument": "p_rental_id"}';
    elsif p_activation_id is not null then
        select * into v_hold from wallet_holds
         where activation_id = p_activation_id and user_id = p_user_id
         order by (p_transaction_id in (settled_by, transaction_id)) is true desc, state = 'held' desc,
                  frozen_number desc limit 1;
    elsif p_rental_id is not null then
        if p_transaction_id is null
           and (select count(*) from wallet_holds where rental_id = p_rental_id and user_id = p_user_id) > 1 then
            raise exception using errcode = 'OS014', detail = '{"argument": "p_transaction_id"}',
                message = format('expected p_transaction_id: rental %s has more than one hold', p_rental_id);
        end if;
        select * into v_hold from wallet_holds
         where rental_id = p_rental_id and user_id = p_user_id
         order by (p_transaction_id in (settled_by, transaction_id)) is true desc, state = 'held' desc,
                  frozen_number desc limit 1;
    else
        select * into v_hold from wallet_holds where transaction_id = p_transaction_id and user_id = p_user_id;
    end if;
    return v_hold;
end $$;
