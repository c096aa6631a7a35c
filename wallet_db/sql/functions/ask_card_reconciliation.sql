-- Asks that all cards of a provider be compared with what it says of them; a poller begins within a second. One that is
-- open already is given back, and corrects from now on if either wish was so. Returns its id.
-- Locks: card_reconciliations (row). Raises: OS014 invalid_argument (no provider).
create or replace function ask_card_reconciliation(
    p_provider text, p_correct boolean default false, p_asked_by text default null, p_now timestamptz default now()
) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_id bigint;
begin
    if coalesce(p_provider, '') = '' then
        raise exception using errcode = 'OS014', message = 'p_provider: expected a provider of cards, got none',
            detail = '{"argument": "p_provider"}';
    end if;
    insert into card_reconciliations as r (provider, asked_by, asked_at, correct, due_at)
    values (p_provider, coalesce(p_asked_by, acting()), p_now, p_correct, p_now)
        on conflict (provider) where ended_at is null do update set correct = r.correct or excluded.correct
    returning id into v_id;
    return v_id;
end $$;
