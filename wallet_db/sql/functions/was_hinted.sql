-- Whether an order that was due at p_due_at was so because a webhook had told of it.
create or replace function was_hinted(p_activation_id uuid, p_due_at timestamptz) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce((select hinted_at = p_due_at from activations where id = p_activation_id), false)
$$;
