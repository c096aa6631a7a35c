-- An operator sets what a number for a service costs, or takes it off sale (null). Orders that are open keep theirs.
-- Written down in system_logs with who, why, before and after.
-- Locks: services (row). Raises: OS006 invalid_amount, OS010 unknown_service, OS014 invalid_argument (no reason).
create or replace function set_service_price(
    p_service text, p_price numeric, p_reason text, p_now timestamptz default now()
) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_service text := (find_service(p_service)).service;
    v_before numeric;
begin
    perform check_reason(p_reason);
    if p_price is not null then
        perform check_amount(p_price);
    end if;
    select price into v_before from services where service = v_service for no key update;
    update services set price = p_price where service = v_service;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_service_price', 'an operator set a price', jsonb_build_object(
        'service', v_service, 'reason', p_reason, 'actor', acting(), 'before', v_before::text, 'after', p_price::text));
end $$;
