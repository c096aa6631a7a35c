-- The creations of cards that may have been made upstream without our knowing which: begun and not accepted, or given
-- up so, or given back by name, since p_since. A card that turns up unknown is one of these, or nobody's.
create or replace function read_card_doubts(p_provider text, p_since timestamptz) returns table (
    card_id uuid, customer_id uuid, provider_customer_id text, name_on_card_sealed bytea, usd numeric,
    begun_at timestamptz, status text
)
language sql stable security definer set search_path = public, pg_temp as $$
    select c.id, c.customer_id, u.provider_customer_id, c.name_on_card_sealed, f.usd, f.begun_at, c.status
      from cards c
      join card_fundings f on f.card_id = c.id and f.kind = 'creation'
      left join card_customers u on u.id = c.customer_id
     where c.provider = p_provider and c.provider_card_id is null and f.begun_at is not null
       and (c.status = 'pending_activation'
            or c.status = 'failed' and c.error_code in ('CARD_MAY_EXIST', 'REFUNDED') and c.closed_at >= p_since)
     order by f.begun_at
$$;
