-- A customer's documents, sealed, for the poller that submits them.
create or replace function read_card_documents(p_customer_id uuid) returns table (
    id uuid, kind text, content_type text, sealed bytea
)
language sql stable security definer set search_path = public, pg_temp as $$
    select id, kind, content_type, sealed from card_documents where customer_id = p_customer_id order by kind
$$;
