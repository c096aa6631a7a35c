-- A wallet's row of v_frozen_balance_health, money as decimal strings; null: no such user. Private.
create or replace function wallet_health(p_user_id uuid) returns jsonb
language plpgsql stable as $$
begin
    return jsonb_build_object(
        'user_id', user_id, 'status', status, 'problem', problem, 'balance', balance::text,
        'frozen', frozen_balance::text, 'available', available::text, 'held', held::text,
        'held_for_orders', held_for_orders::text, 'ordered', ordered::text)
      from v_frozen_balance_health where user_id = p_user_id;
end $$;
