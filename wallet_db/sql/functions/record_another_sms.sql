-- The provider waits for another SMS of this order, or (p_error_code) will not: the user is told. Then it is due at
-- p_due_at, unless its owner wants it finished. False if nobody was asking any more.
-- Locks: users, then activations. Raises: OS007 unknown_order.
create or replace function record_another_sms(
    p_activation_id uuid, p_error_code text, p_due_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.another_sms_requested_at is null then
        return false;
    end if;
    update activations
       set another_sms_requested_at = null, error_code = p_error_code,
           another_sms_asked_at = case when p_error_code is null then p_now end,
           due_at = case when finish_requested_at is null then p_due_at else p_now end
     where id = p_activation_id;
    return true;
end $$;
