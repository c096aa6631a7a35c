-- What the wallet is compared with: copies of its tables without its functions, for applications' own statements.

-- As careful as a table can be: every column, CHECK and index of the wallet's.
create table b_users (like users including all) with (fillfactor = 70);
create table b_operations (like balance_operations including all excluding constraints);

-- The audit's CHECKs call functions of its row: a copy needs its own, of the copy's row.
create function pg_temp.copy_rules(p_table regclass) returns void
language plpgsql as $$
declare
    v_statement text;
begin
    for v_statement in
        select replace(pg_get_functiondef(oid), '(o balance_operations)', format('(o %s)', p_table)) from pg_proc
         where proargtypes[0] = 'balance_operations'::regtype and pronargs = 1 and prorettype = 'boolean'::regtype
         union all
        select format('alter table %s add constraint %I %s', p_table, conname,
                      replace(pg_get_constraintdef(oid), 'balance_operations.*', format('%s.*', p_table)))
          from pg_constraint where conrelid = 'balance_operations'::regclass and contype = 'c'
    loop
        execute v_statement;
    end loop;
end $$;

-- As careless: no constraint beyond the key that finds the user.
create table bare_users (like users including defaults, primary key (id)) with (fillfactor = 70);
create table bare_operations (user_id uuid, type text, amount numeric(14,2), transaction_id text, reason text,
                              created_at timestamptz default now());

-- Peers, which keep holds as the wallet does. They count operations by a sequence: without a lock, a user's own
-- 1, 2, 3 … is not to be had.
create table peer_users (like users including all) with (fillfactor = 70);
create table peer_holds (like wallet_holds including all);
create table peer_operations (like balance_operations including all excluding constraints);
select pg_temp.copy_rules('b_operations'), pg_temp.copy_rules('peer_operations') \g /dev/null
create sequence peer_operation_number cache 100;
alter table peer_holds alter frozen_number set default nextval('peer_operation_number');
alter table peer_operations alter number set default nextval('peer_operation_number');

insert into b_users (id, balance) select id, balance from users;
insert into bare_users (id, balance) select id, balance from users;
insert into peer_users (id, balance) select id, balance from users;

-- What replays repeat.
select count(atomic_freeze(id, 0.01, 'replay:' || id)) from users where name like 'bench %' \g /dev/null
vacuum analyze;
checkpoint;
