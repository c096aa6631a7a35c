-- The next cards of a provider to be compared with what it says, in the order of their ids: those that have an id there
-- and are open, or have been closed for a week at most. is_moving: an action, a look or a funding is under way, so that
-- ours and theirs may differ rightly. p_card_id: that one only.
create or replace function read_cards_to_compare(
    p_provider text, p_after_id uuid, p_limit integer, p_card_id uuid default null,
    p_now timestamptz default now()
) returns table (
    id uuid, provider_card_id text, status text, balance numeric, checked_at timestamptz, is_moving boolean
)
language sql stable security definer set search_path = public, pg_temp as $$
    select c.id, c.provider_card_id, c.status, c.balance, c.checked_at,
           c.wanted_action is not null or c.refresh_asked_at is not null or c.status = 'pending_activation'
               or exists (select from card_fundings f
                           where f.card_id = c.id and f.status in ('ordering', 'pending') and f.begun_at is not null)
      from cards c
     where c.provider = p_provider and c.provider_card_id is not null and c.status <> 'failed'
       and (p_card_id is null or c.id = p_card_id)
       and (p_after_id is null or c.id > p_after_id)
       and (c.closed_at is null or c.closed_at > p_now - interval '7 days')
     order by c.id limit p_limit
$$;
