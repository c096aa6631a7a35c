\set u random(1, :users)
begin;
select id, balance, frozen_balance as frozen from peer_users where id = ('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid and balance - frozen_balance >= 0.01 \gset
update peer_users set frozen_balance = :frozen::numeric + 0.01 where id = :id;
insert into peer_holds (transaction_id, user_id, amount) values (gen_random_uuid()::text, :id, 0.01) returning transaction_id as hold \gset
insert into peer_operations (user_id, type, amount, balance_before, balance_after, frozen_before, frozen_after, transaction_id, actor, reason) values (:id, 'freeze', 0.01, :balance, :balance, :frozen, :frozen::numeric + 0.01, :hold, 'application', 'bench');
commit;
