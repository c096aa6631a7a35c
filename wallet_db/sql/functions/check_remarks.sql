-- Refuses a reason or an actor too long to be one: they stay in the audit for good.
-- Locks: none. Raises: OS014 invalid_argument.
create or replace function check_remarks(p_reason text, p_actor text) returns void
language plpgsql immutable as $$
begin
    if length(p_reason) > 1000 then
        raise exception using errcode = 'OS014',
            message = format('expected p_reason of at most 1000 characters, got %s', length(p_reason)),
            detail = '{"argument": "p_reason"}';
    elsif length(p_actor) > 1000 then
        raise exception using errcode = 'OS014',
            message = format('expected p_actor of at most 1000 characters, got %s', length(p_actor)),
            detail = '{"argument": "p_actor"}';
    end if;
end $$;
