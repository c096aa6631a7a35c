\set u random(1, :users)
insert into silent_messages (user_id, body) values (('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid,
    '{"balance": "36.00", "frozen": "5.00", "available": "31.00", "operation": "deposit", "amount": "0.01",'
    ' "transaction_id": "bench-flood"}'::jsonb);
