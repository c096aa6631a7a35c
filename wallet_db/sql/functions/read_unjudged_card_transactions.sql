-- Up to p_limit transactions that no rule has looked at, and beside them all that their users' cards had since p_window
-- before the first of those: what rules need to judge them. is_unjudged: it is one of the p_limit.
create or replace function read_unjudged_card_transactions(p_limit integer, p_window interval) returns table (
    id bigint, card_id uuid, user_id uuid, usd numeric, type text, status text, at timestamptz, is_unjudged boolean
)
language sql stable security definer set search_path = public, pg_temp as $$
    with unjudged as (
        select t.id, t.user_id, t.at from card_transactions t where t.judged_at is null order by t.id limit p_limit
    ), users_since as (
        select u.user_id, min(u.at) - p_window as since from unjudged u group by u.user_id
    )
    select t.id, t.card_id, t.user_id, t.usd, t.type, t.status, t.at,
           exists (select from unjudged u where u.id = t.id)
      from users_since s
      join cards c on c.user_id = s.user_id
      join card_transactions t on t.card_id = c.id and t.at >= s.since
     order by t.at, t.id
$$;
