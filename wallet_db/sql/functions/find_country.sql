-- A country's name, by its name or its code. Private.
-- Locks: none. Raises: OS011 unknown_country.
create or replace function find_country(p_country text) returns text
language plpgsql stable as $$
declare
    v_country text;
begin
    select country into v_country from countries where country = p_country or code = p_country;
    if not found then
        raise exception using errcode = 'OS011', message = format('no country %s', quote_nullable(p_country)),
            detail = jsonb_build_object('country', p_country)::text;
    end if;
    return v_country;
end $$;
