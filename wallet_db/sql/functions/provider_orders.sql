-- The orders with one provider that a comparison with its list needs: those open, those closed since p_since, and those
-- of these ids of the provider's. held: what open holds still hold for the order. is_overdue: nobody has worked on it
-- for a minute though it was due. is_late: it was served after its money went back.
create or replace function provider_orders(
    p_provider text, p_since timestamptz, p_provider_order_ids text[], p_now timestamptz default now()
) returns table (
    kind text, id uuid, status text, provider_order_id text, cost numeric, held numeric, is_closed boolean,
    is_overdue boolean, is_moving boolean, is_late boolean, closed_at timestamptz
)
language sql stable security definer set search_path = public, pg_temp as $$
    select 'activation', a.id, a.status, a.provider_order_id, a.provider_cost,
           (select coalesce(sum(h.amount), 0) from wallet_holds h where h.activation_id = a.id and h.state = 'held'),
           a.closed_at is not null, coalesce(a.due_at < p_now - interval '1 minute', false),
           coalesce(a.cancel_requested_at is not null or coalesce(a.waits_until, a.expires_at) <= p_now, false),
           a.late_sms_at is not null, a.closed_at
      from activations a
     where a.provider = p_provider and (a.due_at is not null or a.closed_at >= p_since
           or a.provider_order_id = any (p_provider_order_ids))
     union all
    select 'rental', r.id, r.status, r.provider_order_id, r.provider_cost,
           (select coalesce(sum(h.amount), 0) from wallet_holds h where h.rental_id = r.id and h.state = 'held'),
           r.closed_at is not null, coalesce(r.due_at < p_now - interval '1 minute', false),
           coalesce(r.cancel_requested_at is not null or r.ends_at <= p_now, false), false, r.closed_at
      from rentals r
     where r.provider = p_provider and (r.due_at is not null or r.closed_at >= p_since
           or r.provider_order_id = any (p_provider_order_ids))
$$;
