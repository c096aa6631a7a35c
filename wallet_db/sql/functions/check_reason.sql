-- Refuses an operator's work without a reason: none, blank, or too long to be one. Private.
-- Locks: none. Raises: OS014 invalid_argument.
create or replace function check_reason(p_reason text) returns void
language plpgsql immutable as $$
begin
    if coalesce(p_reason, '') !~ '[^[:space:]]' then
        raise exception using errcode = 'OS014', message = 'expected a reason, got none',
            detail = '{"argument": "p_reason"}';
    end if;
    perform check_remarks(p_reason, null);
end $$;
