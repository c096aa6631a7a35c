-- The user needs a served activation no longer: written down and made due, so that the provider is told before the time
-- is over. Asking again changes nothing. Returns the order.
-- Locks: users, then activations. Raises: OS007 unknown_order (also for another user's), OS016 already_closed (it ended
--        without an SMS), OS022 sms_not_received.
create or replace function request_finish(
    p_user_id uuid, p_activation_id uuid, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_activation activations := lock_own_received(p_user_id, p_activation_id);
begin
    if v_activation.closed_at is null and v_activation.finish_requested_at is null then
        update activations set finish_requested_at = p_now, due_at = p_now where id = p_activation_id
        returning * into v_activation;
    end if;
    return activation_json(v_activation);
end $$;
