-- An open rental's frozen_amount is what its open holds sum up to: more with each extension, less when one of several
-- ends first. A rental without open holds keeps its own, for the fault to show. Private: callers hold the wallet's
-- lock.
-- Locks: rentals (row), below the caller's.
create or replace function restate_rental_frozen(p_rental_id uuid) returns void
language sql as $$
    update rentals r
       set frozen_amount = h.amount
      from (select sum(amount) as amount from wallet_holds where rental_id = p_rental_id and state = 'held') h
     where r.id = p_rental_id and r.status in ('ordering', 'active') and r.frozen_amount <> h.amount
$$;
