-- Stored events: so many more of each numbered user, behind those there are. psql variables: users, each.
-- Loaded past the keys to other tables: the rows are right, only quicker written.
set session_replication_role = replica;
insert into events (user_id, seq, type, payload)
select u.id, u.event_seq + n, 'balance.changed',
       '{"balance": "36.00", "frozen": "5.00", "available": "31.00", "operation": "deposit", "amount": "0.01"}'
  from generate_series(1, :each) n, users u where u.name like 'bench %';
update users set event_seq = event_seq + :each where name like 'bench %';
set session_replication_role = origin;
vacuum analyze events;
vacuum analyze users;
checkpoint;
