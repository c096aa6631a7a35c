-- Many wallets with many open holds, and the orders of some: what v_frozen_balance_health has to look through.
-- psql variables: users, holds (of each). Loaded past the triggers and keys: the rows are right, only quicker written.
set session_replication_role = replica;
insert into users (id, name, balance, frozen_balance, operation_number)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'bench ' || n, 1000, :holds, 1 + :holds
  from generate_series(1, :users) n;
insert into wallet_holds (transaction_id, user_id, amount, frozen_number)
select gen_random_uuid()::text, ('00000000-0000-0000-0000-' || lpad(u::text, 12, '0'))::uuid, 1, 1 + n
  from generate_series(1, :holds) n, generate_series(1, :users) u;
insert into activations (id, user_id, service, country, price, frozen_amount)
select gen_random_uuid(), user_id, (select min(service) from services), (select min(country) from countries), 1, 1
  from wallet_holds where frozen_number = 2;
update wallet_holds h set activation_id = a.id from activations a where a.user_id = h.user_id and h.frozen_number = 2;
set session_replication_role = origin;
vacuum analyze;
