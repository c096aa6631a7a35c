-- A service by its name or its code. Private.
-- Locks: none. Raises: OS010 unknown_service.
create or replace function find_service(p_service text) returns services
language plpgsql stable as $$
declare
    v_service services;
begin
    select * into v_service from services where service = p_service or code = p_service;
    if not found then
        raise exception using errcode = 'OS010', message = format('no service %s', quote_nullable(p_service)),
            detail = jsonb_build_object('service', p_service)::text;
    end if;
    return v_service;
end $$;
