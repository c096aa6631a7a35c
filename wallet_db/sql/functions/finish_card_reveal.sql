-- Ends a reveal. p_answer, sealed to whoever asked, goes out by NOTIFY when this commits and is written nowhere;
-- without one it is refused, for p_error_code. False, and nothing goes out, if it had ended or nobody waits any more.
-- Locks: card_reveals (row). Raises: OS014 invalid_argument (an answer too long for a NOTIFY).
create or replace function finish_card_reveal(
    p_reveal_id uuid, p_answer text default null, p_error_code text default null, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_is_answered boolean := p_answer is not null;
begin
    if octet_length(p_answer) > 7168 then
        raise exception using errcode = 'OS014',
            message = format('expected an answer of at most 7168 bytes, got %s', octet_length(p_answer)),
            detail = '{"argument": "p_answer"}';
    end if;
    perform act_on_card('system');
    update card_reveals
       set status = case when v_is_answered then 'answered' else 'refused' end,
           error_code = case when not v_is_answered then coalesce(p_error_code, 'UNAVAILABLE') end,
           ended_at = p_now, due_at = null
     where id = p_reveal_id and status = 'asked' and expires_at > p_now;
    if not found then
        return false;
    end if;
    perform pg_notify('onesms_card_reveals', coalesce(p_answer, jsonb_build_object(
        'id', p_reveal_id, 'error_code', coalesce(p_error_code, 'UNAVAILABLE'))::text));
    return true;
end $$;
