-- A card's row of the audit: it was made, or its status, the wish for another or its balance changed. One row a change,
-- named by the first of these that did. Locks: none.
create or replace function cards_audit() returns trigger
language plpgsql as $$
declare
    v_diff jsonb := '{}';
begin
    if tg_op = 'INSERT' then
        perform audit_card(new.id, case when new.imported_at is null then 'created' else 'imported' end, (
            select jsonb_build_object('status', jsonb_build_array(null, new.status))
                   || coalesce(jsonb_build_object('funding_id', f.id, 'usd', f.usd::text, 'price', f.price::text), '{}')
              from (select 1) one left join card_fundings f on f.card_id = new.id and f.kind = 'creation'));
        return null;
    end if;
    if new.status <> old.status then
        v_diff := v_diff || jsonb_build_object('status', jsonb_build_array(old.status, new.status));
    end if;
    if new.wanted_action is distinct from old.wanted_action then
        v_diff := v_diff || jsonb_build_object('wanted_action',
                                               jsonb_build_array(old.wanted_action, new.wanted_action));
    end if;
    if new.balance <> old.balance then
        v_diff := v_diff || jsonb_build_object('balance', jsonb_build_array(old.balance::text, new.balance::text));
    end if;
    if new.error_code is distinct from old.error_code then
        v_diff := v_diff || jsonb_build_object('error_code', jsonb_build_array(old.error_code, new.error_code));
    end if;
    perform audit_card(new.id, case when v_diff ? 'status' then 'status_changed'
                                    when v_diff ? 'wanted_action' then 'action_' ||
                                         case when new.wanted_action is null then 'ended' else 'wanted' end
                                    else 'balance_changed' end, v_diff);
    return null;
end $$;
