-- Refuses a caller's key (a transaction id, an idempotency key) that names nothing, or is too long for its index.
-- Locks: none. Raises: OS014 invalid_argument.
create or replace function check_key(p_argument text, p_key text) returns void
language plpgsql immutable as $$
begin
    if p_key is null or length(p_key) not between 1 and 255 then
        raise exception using errcode = 'OS014',
            message = format('expected %s of 1 to 255 characters, got %s', p_argument,
                             coalesce(length(p_key)::text, 'null')),
            detail = jsonb_build_object('argument', p_argument)::text;
    end if;
end $$;
