-- An operator has read an SMS elsewhere (the provider's own pages) and enters it: applied like any, under p_actor's
-- name. That it was entered is logged, without what it said. Returns {"outcome", "activation"}.
-- Locks: users, then activations, then route_attempts (row).
-- Raises: OS007 unknown_order, OS008 invalid_transition (nothing was bought yet), OS014 invalid_argument.
create or replace function enter_sms(
    p_activation_id uuid, p_code text, p_text text, p_actor text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_outcome text := apply_activation_sms(p_activation_id, p_code, p_text, p_now => p_now, p_actor => p_actor);
begin
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'enter_sms', 'an SMS was entered by hand', jsonb_build_object(
            'activation_id', p_activation_id, 'actor', acting(p_actor), 'outcome', v_outcome));
    return jsonb_build_object('outcome', v_outcome, 'activation', (
        select activation_json(a) from activations a where a.id = p_activation_id));
end $$;
