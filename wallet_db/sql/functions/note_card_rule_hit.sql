-- Writes down that a card, or all cards of a user, went beyond a rule's maximum at p_at; once within p_window for each.
-- Returns 'known' (that was written down, or the rule is gone or disabled), 'noted' (a dry run, or longer than a day
-- ago: nobody is told and nothing follows) or 'acted': the operators are told, and the caller does, in the same
-- transaction, what the rule says.
-- Locks: card_rules (row).
create or replace function note_card_rule_hit(
    p_rule text, p_per text, p_window interval, p_card_id uuid, p_user_id uuid, p_at timestamptz, p_figures jsonb,
    p_now timestamptz default now()
) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rule card_rules;
    v_acted boolean;
begin
    select * into v_rule from card_rules where name = p_rule and enabled for no key update;
    if not found or exists (
        select from card_rule_hits h
         where h.rule = p_rule and h.at > p_at - p_window and h.at < p_at + p_window
           and case p_per when 'card' then h.card_id = p_card_id else h.user_id = p_user_id end
    ) then
        return 'known';
    end if;
    v_acted := not v_rule.dry_run and p_at > p_now - interval '1 day';
    insert into card_rule_hits (rule, card_id, user_id, at, figures, dry_run, acted)
    values (p_rule, p_card_id, p_user_id, p_at, p_figures, v_rule.dry_run, v_acted);
    if v_acted then
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'error', 'card_rules', 'CARD_RULE_HIT', p_figures || jsonb_build_object(
            'rule', p_rule, 'scope', p_rule, 'then', v_rule.rule ->> 'then', 'card_id', p_card_id,
            'user_id', p_user_id));
    end if;
    return case when v_acted then 'acted' else 'noted' end;
end $$;
