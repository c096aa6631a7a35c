-- Does each wallet agree with itself, with its holds and with its orders? One statement, so one snapshot: nothing that
-- is under way shows as a fault. Each sum is one pass over a partial index that has the amounts in it, and
-- `where user_id = …` reaches into each of them. Most holds name an order, so it is those that do not that are summed
-- apart. An order is a card's funding here as well.
--   CRITICAL  a figure that no sequence of operations can leave: only a person may touch it
--   WARNING   frozen and what it is frozen for disagree: correct_frozen_balance sets right what can be known
create or replace view v_frozen_balance_health with (security_invoker = true) as
select user_id, balance, frozen_balance, balance - frozen_balance as available, held, held_for_orders, ordered,
       case when balance < 0 or frozen_balance < 0 or frozen_balance > balance then 'CRITICAL'
            when frozen_balance <> held or held_for_orders <> ordered then 'WARNING'
            else 'OK' end as status,
       nullif(concat_ws('; ',
           case when balance < 0 then format('balance is %s', balance) end,
           case when frozen_balance < 0 then format('frozen is %s', frozen_balance) end,
           case when frozen_balance > balance then
               format('frozen is %s of a balance of %s', frozen_balance, balance) end,
           case when frozen_balance <> held then format('frozen is %s, open holds are %s', frozen_balance, held) end,
           case when held_for_orders <> ordered then
               format('holds for orders are %s, open orders are %s', held_for_orders, ordered) end), '') as problem
  from (select u.id as user_id, u.balance, u.frozen_balance, coalesce(h.held, 0.00) as held,
               coalesce(h.held - coalesce(h.held_for_none, 0.00), 0.00) as held_for_orders,
               coalesce(a.ordered, 0.00) + coalesce(r.ordered, 0.00) + coalesce(f.ordered, 0.00) as ordered
          from users u
          left join (select user_id, sum(amount) as held,
                            sum(amount) filter (where num_nonnulls(activation_id, rental_id, funding_id) = 0)
                                as held_for_none
                       from wallet_holds where state = 'held' group by user_id) h on h.user_id = u.id
          left join (select user_id, sum(frozen_amount) as ordered
                       from activations where frozen_amount > 0 group by user_id) a on a.user_id = u.id
          left join (select user_id, sum(frozen_amount) as ordered
                       from rentals where frozen_amount > 0 group by user_id) r on r.user_id = u.id
          left join (select user_id, sum(frozen_amount) as ordered
                       from card_fundings where frozen_amount > 0 group by user_id) f on f.user_id = u.id) wallets;
