-- Which status of a card may follow which says the table card_transitions. Anything else is refused, whoever asks; and
-- a card begins as pending_activation, unless it is imported.
-- Raises: OS008 invalid_transition.
create or replace function refuse_unknown_card_transition() returns trigger
language plpgsql as $$
declare
    v_from text := case tg_op when 'UPDATE' then old.status end;
begin
    if v_from is null and new.status <> 'pending_activation' and new.imported_at is null
       or v_from is not null
          and not exists (select from card_transitions where from_status = v_from and to_status = new.status) then
        raise exception using errcode = 'OS008',
            message = format('card %s cannot go from %s to %s', new.id, coalesce(v_from, 'nothing'), new.status),
            detail = jsonb_build_object('card_id', new.id, 'from', v_from, 'to', new.status)::text;
    end if;
    return new;
end $$;
