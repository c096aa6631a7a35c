-- Somebody wants to know how a card is now: it is looked at soon, once for all who ask until then, and its owner gets a
-- card.updated when it was. True for the one whose asking it was; false: it is asked for already, has no number yet, or
-- has ended.
-- p_unless_since: an answer to a look begun since then will do, or to one that is asked for. Null: something has
-- happened to the card, so only a look begun from now on tells; one that is under way is followed by another.
-- Locks: cards (row). Raises: OS025 card_not_found.
create or replace function ask_card_refresh(
    p_card_id uuid, p_now timestamptz default now(), p_unless_since timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_is_new boolean;
begin
    with asked as (
        select id, refresh_asked_at is null as is_new from cards
         where id = p_card_id and closed_at is null and provider_card_id is not null
           and (p_unless_since is null
                or refresh_asked_at is null and coalesce(checked_at < p_unless_since, true))
           for no key update
    )
    update cards c
       set refresh_asked_at = p_now, due_at = case when asked.is_new then p_now else c.due_at end
      from asked where c.id = asked.id
    returning asked.is_new into v_is_new;
    if v_is_new then
        perform pg_notify('onesms_card_jobs', 'cards');
    elsif v_is_new is null and not exists (select from cards where id = p_card_id) then
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    return coalesce(v_is_new, false);
end $$;
