-- The user as a provider's customer; if submitted more than once, the one that counts, else the newest. Null: none.
create or replace function read_card_customer(p_user_id uuid, p_provider text) returns jsonb
language sql stable security definer set search_path = public, pg_temp as $$
    select card_customer_json(c) from card_customers c
     where user_id = p_user_id and provider = p_provider
     order by status <> 'failed' desc, created_at desc limit 1
$$;
