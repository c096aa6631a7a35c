-- A reveal's row of its card's audit: the number was asked for, and was given or refused. Locks: none.
create or replace function card_reveals_audit() returns trigger
language plpgsql as $$
begin
    perform audit_card(new.card_id, 'reveal_' || new.status, jsonb_strip_nulls(jsonb_build_object(
        'reveal_id', new.id, 'error_code', new.error_code)));
    return null;
end $$;
