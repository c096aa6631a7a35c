-- Writes an order that has been decided on: the freeze of its price and its row, with the arm of the experiment that it
-- falls to. What p_activation does not say is as with any new order. Private: callers hold the wallet's lock and have
-- found the price.
-- Locks: users, then activations (insert).
-- Raises: OS001 insufficient_funds, OS018 too_many_open_orders.
create or replace function place_activation(p_activation activations) returns activations
language plpgsql as $$
declare
    v_activation activations;
begin
    perform check_open_orders(p_activation.user_id);
    perform atomic_freeze(
        p_activation.user_id, p_activation.price, 'activation:' || p_activation.id,
        format('%s, %s%s', p_activation.service, p_activation.country, ', retry ' || p_activation.retry_number),
        p_activation_id => p_activation.id);
    insert into activations (id, user_id, service, country, price, frozen_amount, idempotency_key, max_price,
                             retry_countries, retry_of, retry_number, request_id, request_digest, waiting_arm_id,
                             created_at, due_at)
    values (p_activation.id, p_activation.user_id, p_activation.service, p_activation.country, p_activation.price,
            p_activation.price, p_activation.idempotency_key, p_activation.max_price, p_activation.retry_countries,
            p_activation.retry_of, p_activation.retry_number, p_activation.request_id, p_activation.request_digest,
            waiting_arm_of(p_activation.id, p_activation.service), p_activation.created_at, p_activation.created_at)
    returning * into v_activation;
    return v_activation;
end $$;
