\set u random(1, :users)
select append_event(('00000000-0000-0000-0000-' || lpad(:u::text, 12, '0'))::uuid, 'balance.changed',
    '{"balance": "36.00", "frozen": "5.00", "available": "31.00", "operation": "deposit", "amount": "0.01",'
    ' "transaction_id": "bench-flood"}'::jsonb);
