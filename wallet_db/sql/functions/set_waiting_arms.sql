-- An operator begins an experiment about how long to wait for an SMS of a service: p_arms is an array of objects with
-- `arm`, its name, `wait_s`, seconds from the purchase (null: as long as the number lives, and never longer; has to be
-- said), and `weight` (1, if it is not said). What ran for the service ends with it, or with null for p_arms; orders
-- that have an arm keep it. Written down in system_logs. Returns how many arms run now.
-- Locks: services (row), waiting_arms (rows).
-- Raises: OS010 unknown_service, OS014 invalid_argument (no reason, no arms, one that is none or is named twice).
create or replace function set_waiting_arms(
    p_service text, p_arms jsonb, p_reason text, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_service text := (find_service(p_service)).service;
    v_fault text := case when coalesce(p_reason, '') = '' then 'p_reason'
                         when jsonb_typeof(p_arms) <> 'array' or p_arms = '[]' then 'p_arms' end;
    v_count integer := 0;
begin
    if v_fault is not null then
        raise exception using errcode = 'OS014', message = 'expected an array of arms, or null, and a reason',
            detail = jsonb_build_object('argument', v_fault)::text;
    end if;
    if exists (
        select from jsonb_array_elements(p_arms) arm
         where (jsonb_typeof(arm) = 'object' and arm - '{arm,wait_s,weight}'::text[] = '{}' and arm @@ '
                $.arm like_regex "^.{1,50}$"
                && ($.wait_s == null || $.wait_s >= 1 && $.wait_s <= 7200 && $.wait_s % 1 == 0)
                && (!exists($.weight) || $.weight >= 1 && $.weight <= 1000 && $.weight % 1 == 0)') is not true
    ) or (select count(*) > count(distinct arm ->> 'arm') from jsonb_array_elements(p_arms) arm) then
        raise exception using errcode = 'OS014',
            message = 'expected arms: {"arm": name, "wait_s": 1 to 7200 or null, "weight": 1 to 1000}, each name once',
            detail = '{"argument": "p_arms"}';
    end if;
    perform from services where service = v_service for no key update;  -- two that begin one take turns
    update waiting_arms set ended_at = greatest(p_now, started_at) where service = v_service and ended_at is null;
    if p_arms is not null then
        insert into waiting_arms (service, arm, wait_s, weight, started_at)
        select v_service, arm, wait_s, coalesce(weight, 1), p_now
          from rows from (jsonb_to_recordset(p_arms) as (arm text, wait_s integer, weight integer))
               with ordinality as given (arm, wait_s, weight, number)
         order by number;
        get diagnostics v_count = row_count;
    end if;
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'info', 'set_waiting_arms', 'an operator decided how long to wait', jsonb_build_object(
        'service', v_service, 'arms', p_arms, 'reason', p_reason, 'actor', acting()));
    return v_count;
end $$;
