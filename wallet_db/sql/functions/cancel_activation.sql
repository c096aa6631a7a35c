-- An operator wants a user's order cancelled: as if the user had asked, so the provider decides. Written down in
-- system_logs with who and why. Asking again changes nothing but is written down as well. Returns the order.
-- Locks: users, then activations.
-- Raises: OS007 unknown_order, OS014 invalid_argument (no reason), OS015 sms_already_received, OS016 already_closed.
create or replace function cancel_activation(
    p_activation_id uuid, p_reason text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_activation(p_activation_id);
begin
    perform check_reason(p_reason);
    perform request_cancel(v_activation.user_id, p_activation_id, p_now);
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'cancel_activation', 'an operator wants an order cancelled', jsonb_build_object(
        'activation_id', p_activation_id, 'user_id', v_activation.user_id, 'reason', p_reason, 'actor', acting(),
        'before', jsonb_build_object('status', v_activation.status)));
    return (select activation_json(a) from activations a where a.id = p_activation_id);
end $$;
