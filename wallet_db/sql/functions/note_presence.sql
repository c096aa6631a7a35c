-- These users have a realtime connection until p_until or longer; those without an open order are not noted, and who
-- has long gone is forgotten. Returns how many were noted.
-- Locks: presence (rows, in the order of their keys).
create or replace function note_presence(
    p_user_ids uuid[], p_until timestamptz, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_noted integer;
begin
    delete from presence
     where user_id in (select user_id from presence where until < p_now - interval '1 minute'
                        order by user_id for update skip locked);
    insert into presence (user_id, until)
    select u.id, p_until from unnest(p_user_ids) u (id)
     where exists (select from activations a where a.user_id = u.id and a.status = 'pending')
     group by u.id order by u.id
    on conflict (user_id) do update set until = greatest(presence.until, excluded.until);
    get diagnostics v_noted = row_count;
    return v_noted;
end $$;
