-- Years of an audit: pairs of freeze and commit for every user after the deposit, with the holds they ended.
-- psql variables: users, pairs (of each). Loaded past the triggers: the rows are right, only quicker written.
set session_replication_role = replica;
insert into wallet_holds (transaction_id, user_id, amount, state, committed_amount, refunded_amount, frozen_number,
                          settled_number, settled_by, settled_at)
select t.id, ('00000000-0000-0000-0000-' || lpad(u::text, 12, '0'))::uuid, 1, 'committed', 1, 0, 2 * n, 2 * n + 1,
       t.id, now()
  from generate_series(1, :pairs) n, generate_series(1, :users) u,
       lateral (select md5(u || ':' || n) as id) t;
insert into balance_operations (user_id, number, type, amount, balance_before, balance_after, frozen_before,
                                frozen_after, transaction_id, hold_transaction_id, actor, reason)
select h.user_id, h.frozen_number + o.commit, case o.commit when 0 then 'freeze' else 'commit' end, 1,
       1000000 - (h.frozen_number / 2 - 1), 1000000 - (h.frozen_number / 2 - 1) - o.commit, o.commit, 1 - o.commit,
       h.transaction_id, case o.commit when 1 then h.transaction_id end, 'bench', 'growth'
  from wallet_holds h, generate_series(0, 1) o (commit);
update users set balance = balance - :pairs, operation_number = 1 + 2 * :pairs where name like 'bench %';
set session_replication_role = origin;
vacuum analyze;
checkpoint;
