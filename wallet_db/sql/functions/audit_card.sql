-- Writes down what was done to a card, by whom `act_on_card` named, else by the system: whoever is connected. Private.
-- Never anything that is sealed. Locks: none.
create or replace function audit_card(p_card_id uuid, p_action text, p_diff jsonb) returns void
language sql as $$
    insert into strowallet_card_audit (card_id, action, actor_type, actor_id, diff)
    values (p_card_id, p_action,
            coalesce(nullif(current_setting('onesms.card_actor_type', true), ''), 'system'),
            coalesce(nullif(current_setting('onesms.card_actor_id', true), ''), acting()), p_diff)
$$;
