-- What the wallet is compared with: copies of its tables without its functions, for applications' own statements.

-- As careful as a table can be: every column, CHECK and index of the wallet's.
create table b_users (like users including all) with (fillfactor = 70);
create table b_operations (like balance_operations including all);

-- Rules about a new operation that are kept by a trigger go with the copies, as those kept by a CHECK do.
create function pg_temp.copy_rules(p_table regclass) returns void
language plpgsql as $$
declare
    v_trigger record;
begin
    for v_trigger in
        select tgname, pg_get_triggerdef(oid) as definition from pg_trigger
         where tgrelid = 'balance_operations'::regclass and not tgisinternal
           and tgtype & 5 = 5  -- for each row, on insert
    loop
        execute regexp_replace(v_trigger.definition, ' ON [^ ]+ ', format(' ON %s ', p_table));
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
create table peer_operations (like balance_operations including all);
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
