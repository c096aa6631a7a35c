-- A card that another application had sold becomes ours, whole or not at all: its owner is told as of a new card, and
-- nothing is asked of the provider and no money moved. Its balance is what that application believed until a look says
-- otherwise (checked_at is null). Returns 'imported', 'known' (it is here, and the same user's: nothing is changed),
-- 'of_another_user' or 'unknown_user'. One that is not decided yet is not taken: nobody here could tell its creation.
-- Locks: users, cards. Raises: OS014 invalid_argument (a status no imported card has).
create or replace function import_card(
    p_card_id uuid, p_provider text, p_provider_card_id text, p_user_id uuid, p_status text, p_balance numeric,
    p_last4_sealed bytea, p_expiry_sealed bytea, p_now timestamptz default now()
) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_owner uuid;
begin
    if p_status is null or p_status not in ('active', 'inactive', 'blocked', 'terminated', 'failed') then
        raise exception using errcode = 'OS014',
            message = format('p_status: expected that of a card that was decided, got %s', p_status),
            detail = '{"argument": "p_status"}';
    end if;
    perform from users where id = p_user_id for no key update;
    if not found then
        return 'unknown_user';
    end if;
    perform act_on_card('operator');
    insert into cards (id, user_id, provider, provider_card_id, status, balance, last4_sealed, expiry_sealed, due_at,
                       created_at, imported_at, closed_at)
    values (p_card_id, p_user_id, p_provider, p_provider_card_id, p_status, p_balance, p_last4_sealed, p_expiry_sealed,
            null, p_now, p_now, case when p_status in ('terminated', 'failed') then p_now end)
        on conflict (provider, provider_card_id) do nothing;
    if found then
        return 'imported';
    end if;
    select user_id into v_owner from cards where provider = p_provider and provider_card_id = p_provider_card_id;
    return case v_owner when p_user_id then 'known' else 'of_another_user' end;
end $$;
