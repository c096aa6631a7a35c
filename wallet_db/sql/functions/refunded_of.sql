-- What of an order's holds went back to its user when they ended. Private.
create or replace function refunded_of(p_activation_id uuid) returns numeric
language sql stable as $$
    select coalesce(sum(refunded_amount), 0) from wallet_holds where activation_id = p_activation_id and state <> 'held'
$$;
