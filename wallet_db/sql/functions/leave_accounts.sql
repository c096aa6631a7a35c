-- A process ends and gives back its parts of the accounts: the others have them within a second, not after its lease.
-- Locks: account_shares (rows).
create or replace function leave_accounts(p_process uuid) returns void
language sql security definer set search_path = public, pg_temp as $$
    delete from account_shares where process = p_process
$$;
