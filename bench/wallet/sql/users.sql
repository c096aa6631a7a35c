-- The users of a measured database: numbered, so that pgbench can draw one. psql variables: users.
insert into users (id, name)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'bench ' || n from generate_series(1, :users) n;
select count(atomic_deposit(id, 1000000, 'deposit:' || id)) from users where name like 'bench %' \g /dev/null
