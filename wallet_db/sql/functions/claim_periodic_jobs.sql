-- Hands due periodic jobs of these names to one poller: each is leased by moving its due_at to the lease's end, so one
-- whose poller dies is due again then. Jobs another poller is claiming are skipped. In what is returned, due_at is the
-- lease's end and result that of the run before.
-- Locks: periodic_jobs (the claimed rows, SKIP LOCKED), for this statement's transaction only.
create or replace function claim_periodic_jobs(
    p_names text[], p_limit integer, p_lease interval, p_now timestamptz default now()
) returns setof periodic_jobs
language sql security definer set search_path = public, pg_temp as $$
    with due as (
        select name from periodic_jobs where due_at <= p_now and name = any (p_names)
         order by due_at limit p_limit for no key update skip locked
    )
    update periodic_jobs j set due_at = p_now + p_lease, started_at = p_now
      from due where j.name = due.name
    returning j.*
$$;
