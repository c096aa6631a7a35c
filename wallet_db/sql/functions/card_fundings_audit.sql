-- A funding's row of its card's audit: it was asked for, or went on. The first one's beginning is the card's own.
-- Locks: none.
create or replace function card_fundings_audit() returns trigger
language plpgsql as $$
begin
    perform audit_card(new.card_id, new.kind || '_' || new.status, jsonb_strip_nulls(jsonb_build_object(
        'funding_id', new.id, 'usd', new.usd::text, 'price', new.price::text, 'error_code', new.error_code))
        || jsonb_build_object('funding', jsonb_build_array(case tg_op when 'UPDATE' then old.status end, new.status)));
    return null;
end $$;
