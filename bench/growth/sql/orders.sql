-- Open orders: so many of each numbered user, with their holds. psql variables: users, each.
-- Loaded past the triggers: the rows are right, only quicker written, and no events.
set session_replication_role = replica;
insert into activations (id, user_id, service, country, price, frozen_amount, due_at)
select gen_random_uuid(), u.id, (select min(service) from services), (select min(country) from countries), 1, 1,
       now() + interval '1 hour'
  from generate_series(1, :each) n, users u where u.name like 'bench %';
insert into wallet_holds (transaction_id, user_id, amount, frozen_number, activation_id)
select id::text, user_id, 1, 2, id from activations;
update users set frozen_balance = frozen_balance + :each where name like 'bench %';
set session_replication_role = origin;
vacuum analyze activations;
vacuum analyze wallet_holds;
vacuum analyze users;
checkpoint;
