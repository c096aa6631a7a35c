-- Refuses a call whose transaction id was used before with other arguments, naming the first that differs. Private.
-- Locks: none. Raises: OS005 idempotency_mismatch.
create or replace function refuse_mismatch(p_transaction_id text, p_field text) returns void
language plpgsql as $$
begin
    raise exception using errcode = 'OS005',
        message = format('transaction %s was already used with another %s', p_transaction_id, p_field),
        detail = jsonb_build_object('transaction_id', p_transaction_id, 'field', p_field)::text;
end $$;
