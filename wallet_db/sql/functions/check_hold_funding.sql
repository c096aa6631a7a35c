-- Refuses a hold for a card's funding that is not that funding's own: another user's or amount, an ended one, under
-- another name than its own, or with an order or a time beside it. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's. Raises: OS014 invalid_argument.
create or replace function check_hold_funding(
    p_user_id uuid, p_amount numeric, p_transaction_id text, p_funding_id uuid, p_order_id uuid,
    p_expires_at timestamptz
) returns void
language plpgsql as $$
begin
    if num_nonnulls(p_order_id, p_expires_at) > 0 or not exists (
        select from card_fundings
         where id = p_funding_id and user_id = p_user_id and transaction_id = p_transaction_id
           and frozen_amount = p_amount
    ) then
        raise exception using errcode = 'OS014',
            message = format('expected an open funding of the user, its transaction id and price, got %s',
                             p_funding_id),
            detail = '{"argument": "p_funding_id"}';
    end if;
end $$;
