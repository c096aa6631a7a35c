\set u random(1, :users)
begin;
update bare_users set frozen_balance = frozen_balance + 0.01 where id = ('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid;
insert into bare_operations (user_id, type, amount, transaction_id, reason) values (('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid, 'freeze', 0.01, gen_random_uuid()::text, 'bench');
commit;
