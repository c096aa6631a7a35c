-- A run of a periodic job is over: its result is kept, and the job is next due after its interval. If somebody has made
-- it due meanwhile, or has claimed it since the lease ran out, that stands.
-- Locks: periodic_jobs (row).
create or replace function finish_periodic_job(
    p_name text, p_leased_until timestamptz, p_result jsonb, p_now timestamptz default now()
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update periodic_jobs
       set finished_at = p_now, result = p_result,
           due_at = case due_at when p_leased_until then p_now + every else due_at end
     where name = p_name
$$;
