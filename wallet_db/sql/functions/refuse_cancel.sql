-- The provider will not cancel yet: the request is taken back and the user told when to try again. An order that its
-- chain needs no longer (stop_follower) is tried again by itself then.
-- Locks: users, then activations. Raises: OS007 unknown_order.
create or replace function refuse_cancel(
    p_activation_id uuid, p_error_code text, p_allowed_at timestamptz, p_due_at timestamptz
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    if v_activation.closed_at is not null or v_activation.cancel_requested_at is null then
        return false;
    end if;
    if v_activation.error_code = 'SERVED_BEFORE' and p_allowed_at is not null then
        update activations set cancel_allowed_at = p_allowed_at, due_at = p_allowed_at where id = p_activation_id;
        return true;
    end if;
    update activations
       set cancel_requested_at = null, cancel_allowed_at = p_allowed_at, error_code = p_error_code, due_at = p_due_at
     where id = p_activation_id;
    return true;
end $$;
