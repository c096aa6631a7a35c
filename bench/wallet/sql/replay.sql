\set u random(1, :users)
select atomic_freeze(p_user_id => u.id, p_amount => 0.01, p_transaction_id => 'replay:' || u.id) from (select ('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid) u (id);
