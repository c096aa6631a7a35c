-- A card's funding that nobody has begun to pay, if there is one, fails and goes back. Private: callers hold the card's
-- lock.
-- Locks: none beyond the caller's but card_fundings (row).
create or replace function refund_unbegun_funding(
    p_card_id uuid, p_error_code text, p_now timestamptz
) returns void
language plpgsql as $$
declare
    v_funding card_fundings;
begin
    select * into v_funding from card_fundings where card_id = p_card_id and status = 'ordering' and begun_at is null;
    if found and end_card_funding(v_funding.id, 'failed', p_error_code, p_now) then
        perform atomic_refund(v_funding.user_id, p_transaction_id => v_funding.transaction_id,
                              p_reason => p_error_code);
    end if;
end $$;
