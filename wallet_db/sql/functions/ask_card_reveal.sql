-- A card's owner asks for its number: a job that a poller answers, sealed to p_public_key, or nobody within p_wait.
-- Locks: users, then cards (row), then card_reveals (insert).
-- Raises: OS014 invalid_argument, OS025 card_not_found, OS026 card_not_usable (it has no number yet, or has ended).
create or replace function ask_card_reveal(
    p_user_id uuid, p_card_id uuid, p_public_key bytea, p_wait interval default '15 seconds',
    p_now timestamptz default now()
) returns uuid
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards;
    v_reveal_id uuid;
begin
    if (length(p_public_key) = 32 and p_wait > interval '0' and p_wait <= interval '5 minutes') is not true then
        raise exception using errcode = 'OS014',
            message = 'expected a public key of 32 bytes, and to wait 5 minutes at most',
            detail = '{"argument": "p_public_key"}';
    elsif p_user_id is null then  -- which lock_card would take for anybody
        raise exception using errcode = 'OS025', message = format('no card %s', p_card_id),
            detail = jsonb_build_object('card_id', p_card_id)::text;
    end if;
    v_card := lock_card(p_card_id, p_user_id);
    if v_card.status not in ('active', 'inactive', 'blocked') then
        perform refuse_card_use(v_card);
    end if;
    perform act_on_card('user', p_user_id::text);
    insert into card_reveals (card_id, user_id, public_key, asked_at, expires_at, due_at)
    values (p_card_id, p_user_id, p_public_key, p_now, p_now + p_wait, p_now)
    returning id into v_reveal_id;
    perform pg_notify('onesms_card_jobs', 'reveals');
    return v_reveal_id;
end $$;
