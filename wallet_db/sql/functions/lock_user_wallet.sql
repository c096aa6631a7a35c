-- Locks one user's wallet until the transaction ends and returns its row.
-- Every function that moves money or closes an order begins here: wallet first, then the order, then the rest.
-- That one order is why these functions cannot deadlock with one another.
-- Locks: users (row, FOR NO KEY UPDATE). Raises: OS002 unknown_user.
create or replace function lock_user_wallet(p_user_id uuid) returns users
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_user users;
begin
    select * into v_user from users where id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'OS002',
            message = format('no user %s', coalesce(p_user_id::text, 'null')),
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
    return v_user;
end $$;
