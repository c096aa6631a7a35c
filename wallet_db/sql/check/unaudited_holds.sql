-- Holds that no operation of their user names, $2 of them; of the users $1, or of all if that is null.
select h.user_id, h.transaction_id, exists (select from users where id = h.user_id) as user_exists
  from wallet_holds h
 where ($1::uuid[] is null or h.user_id = any ($1))
   and not exists (select from balance_operations o
                    where o.user_id = h.user_id
                      and h.transaction_id = case o.type when 'freeze' then o.transaction_id
                                                         else o.hold_transaction_id end)
 limit $2
