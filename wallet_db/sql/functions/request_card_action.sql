-- Somebody wants a card blocked or usable again: the wish, which a poller brings to the provider. What is so already,
-- or wanted already, changes nothing; a wish against another that is under way is refused, and so is its owner's to use
-- a card that an operator or a rule had blocked. p_user_id null: an operator's or a rule's, of any card. Returns the
-- card.
-- Locks: users, then cards (row). Raises: OS014 invalid_argument, OS025 card_not_found, OS026 card_not_usable.
create or replace function request_card_action(
    p_user_id uuid, p_card_id uuid, p_action text, p_actor_type text default 'user', p_actor_id text default null,
    p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id, p_user_id);
    v_actor_id text := coalesce(p_actor_id, p_user_id::text, acting());
    v_is_so boolean := case p_action when 'block' then v_card.status = 'blocked'
                                     else v_card.status in ('active', 'inactive') end;
begin
    if (p_action in ('block', 'unblock') and p_actor_type in ('user', 'operator', 'system')) is not true then
        raise exception using errcode = 'OS014',
            message = format('expected block or unblock by a user, an operator or the system, got %s by %s',
                             quote_nullable(p_action), quote_nullable(p_actor_type)),
            detail = '{"argument": "p_action"}';
    end if;
    if v_card.wanted_action = p_action or v_card.wanted_action is null and v_is_so then
        return card_json(v_card);
    elsif v_card.wanted_action is not null or v_card.status not in ('active', 'inactive', 'blocked') then
        perform refuse_card_use(v_card);
    end if;
    if p_action = 'unblock' and p_actor_type = 'user' and exists (
        select from (select actor_type from strowallet_card_audit
                      where card_id = p_card_id and action = 'action_wanted' and diff -> 'wanted_action' ->> 1 = 'block'
                      order by id desc limit 1) blocked
         where actor_type <> 'user')
    then
        raise exception using errcode = 'OS026', message = 'the card was blocked for safety: ask support to unblock it',
            detail = jsonb_build_object('card_id', p_card_id, 'status', v_card.status, 'wanted_action', null)::text;
    end if;
    perform act_on_card(p_actor_type, v_actor_id);
    update cards
       set wanted_action = p_action, wanted_by = p_actor_type || ':' || v_actor_id, wanted_at = p_now,
           action_started_at = null, error_code = null, due_at = p_now
     where id = p_card_id
    returning * into v_card;
    perform pg_notify('onesms_card_jobs', 'cards');
    return card_json(v_card);
end $$;
