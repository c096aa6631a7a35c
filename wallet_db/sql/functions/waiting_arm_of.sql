-- The arm that an order of a service falls to; null: no experiment runs. Anybody can compute it again: the first 32
-- bits of the MD5 of the order's id, modulo the sum of the weights, counted along the arms. Private.
create or replace function waiting_arm_of(p_activation_id uuid, p_service text) returns integer
language sql stable as $$
    select id
      from (select id, sum(weight) over (order by id) as upto, sum(weight) over () as total
              from waiting_arms where service = p_service and ended_at is null) arms
     where upto > ('x' || substr(md5(p_activation_id::text), 1, 8))::bit(32)::bigint % total
     order by id limit 1
$$;
