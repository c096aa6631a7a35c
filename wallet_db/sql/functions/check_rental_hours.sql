-- Refuses a time that no number is rented for, or extended by: 2 to 1344 hours (8 weeks), with all extensions. Private.
-- Locks: none. Raises: OS020 invalid_hours.
create or replace function check_rental_hours(p_hours integer, p_rented integer default 0) returns void
language plpgsql immutable as $$
begin
    if (p_hours between 2 and 1344 - p_rented) is not true then
        raise exception using errcode = 'OS020',
            message = format('expected 2 to %s hours, got %s', 1344 - p_rented, coalesce(p_hours::text, 'null')),
            detail = jsonb_build_object('hours', p_hours, 'min', 2, 'max', 1344 - p_rented)::text;
    end if;
end $$;
