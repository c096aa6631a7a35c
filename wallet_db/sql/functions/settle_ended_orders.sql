-- Ends the holds a wallet still has for orders and card fundings that are over, each as its end says: the ordinary
-- commit or refund that should have come with it. Settling takes a hold off frozen; where frozen would not cover that,
-- it is restated first. Private: callers hold the wallet's lock.
-- Locks: none beyond the caller's. Raises: OS005 idempotency_mismatch (a hold's name has ended another one).
create or replace function settle_ended_orders(p_user_id uuid, p_actor text) returns void
language plpgsql as $$
declare
    v_ended record;
    v_refund numeric;
begin
    for v_ended in
        select h.transaction_id, h.amount, coalesce(a.status, r.status, f.status) as status,
               coalesce(a.service, r.service) as service
          from wallet_holds h
          left join activations a on a.id = h.activation_id and a.user_id = h.user_id
          left join rentals r on r.id = h.rental_id and r.user_id = h.user_id
          left join card_fundings f on f.id = h.funding_id and f.user_id = h.user_id
         where h.user_id = p_user_id and h.state = 'held'
           and coalesce(a.status, r.status, f.status) not in ('ordering', 'pending', 'active')
         order by h.frozen_number, h.transaction_id
    loop
        if exists (select from users where id = p_user_id and frozen_balance < v_ended.amount) then
            perform restate_frozen(p_user_id, p_actor);
        end if;
        v_refund := refund_due(v_ended.status, v_ended.service, v_ended.amount);
        perform settle_hold(case v_refund when 0 then 'commit' else 'refund' end, p_user_id, null, null,
                            v_ended.transaction_id, format('correction: the order is %s', v_ended.status),
                            nullif(v_refund, 0), p_actor);
    end loop;
end $$;
