-- Which status may follow which. Anything else is refused, whoever asks.
-- Raises: OS008 invalid_transition.
create or replace function refuse_unknown_transition() returns trigger
language plpgsql as $$
begin
    if (case tg_table_name
            when 'activations' then (old.status, new.status) in (
                ('ordering', 'pending'), ('ordering', 'failed'), ('ordering', 'cancelled'),
                ('pending', 'received'), ('pending', 'completed'), ('pending', 'cancelled'), ('pending', 'timeout'),
                ('received', 'completed'))
            when 'rentals' then (old.status, new.status) in (
                ('ordering', 'active'), ('ordering', 'failed'), ('ordering', 'cancelled'),
                ('active', 'completed'), ('active', 'cancelled'), ('active', 'expired'))
            when 'card_fundings' then (old.status, new.status) in (
                ('ordering', 'pending'), ('ordering', 'completed'), ('ordering', 'failed'),
                ('pending', 'completed'), ('pending', 'failed'))
            end) is not true then
        raise exception using errcode = 'OS008',
            message = format('%s %s cannot go from %s to %s', tg_table_name, old.id, old.status, new.status),
            detail = jsonb_build_object('order_id', old.id, 'from', old.status, 'to', new.status)::text;
    end if;
    return new;
end $$;
