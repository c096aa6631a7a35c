-- The rental was not extended: the extra goes back. p_started_at: when the extension was begun that the caller knows
-- of; null: none was. False if it was decided, or begun by another, meanwhile. What the user asked for is due at once.
-- Locks: users, then rentals. Raises: OS007 unknown_order.
create or replace function refuse_extension(
    p_rental_id uuid, p_error_code text, p_due_at timestamptz, p_now timestamptz default now(),
    p_started_at timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
begin
    if v_rental.extension_status is distinct from 'requested'
       or v_rental.extension_started_at is distinct from p_started_at then
        return false;
    end if;
    update rentals
       set extension_status = 'refused', extension_error_code = p_error_code, extension_started_at = null,
           extension_cost = null,
           due_at = case when num_nonnulls(cancel_requested_at, finish_requested_at) = 0 then p_due_at else p_now end
     where id = p_rental_id;
    if exists (select from wallet_holds
                where transaction_id = v_rental.extension_transaction_id and state = 'held') then
        perform atomic_refund(v_rental.user_id, p_transaction_id => v_rental.extension_transaction_id,
                              p_reason => 'not extended');
    end if;
    return true;
end $$;
