\set u random(1, :users)
select atomic_freeze(p_user_id => ('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid, p_amount => 0.01, p_transaction_id => gen_random_uuid()::text, p_reason => 'bench'), pg_notify('naive', '');
