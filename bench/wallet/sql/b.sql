\set u random(1, :users)
begin;
update b_users set frozen_balance = frozen_balance + 0.01, operation_number = operation_number + 1 where id = ('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid returning id, balance, frozen_balance as frozen, operation_number as number \gset
insert into b_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before, frozen_after, transaction_id, actor, reason) values (:id, :number, 'freeze', 0.01, :balance, :balance, :frozen::numeric - 0.01, :frozen, gen_random_uuid()::text, 'application', 'bench');
commit;
