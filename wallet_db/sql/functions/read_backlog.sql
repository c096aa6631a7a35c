-- What there is to do: of each kind of order and each status how many are open, how many of these are due, and for how
-- many seconds the longest has been (0: none is).
create or replace function read_backlog(
    p_now timestamptz default now()
) returns table (kind text, status text, open bigint, due bigint, oldest_due_s double precision)
language sql stable security definer set search_path = public, pg_temp as $$
    with open_orders as (
        select 'activation' as kind, a.status, a.due_at from activations a where a.due_at is not null
         union all
        select 'rental', r.status, r.due_at from rentals r where r.due_at is not null
    )
    select o.kind, o.status, count(*), count(*) filter (where o.due_at <= p_now),
           greatest(coalesce(extract(epoch from p_now - min(o.due_at)), 0), 0)::double precision
      from open_orders o group by o.kind, o.status
$$;
