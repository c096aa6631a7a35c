-- Refuses what would end a rental, and so decide its money, while an extension is asked for and not decided.
-- Private: callers hold the rental's lock.
-- Locks: none. Raises: OS024 extension_pending.
create or replace function refuse_while_extending(p_rental rentals) returns void
language plpgsql immutable as $$
begin
    if p_rental.extension_status = 'requested' then
        raise exception using errcode = 'OS024', message = 'an extension of the rental is not decided yet',
            detail = jsonb_build_object('order_id', p_rental.id)::text;
    end if;
end $$;
