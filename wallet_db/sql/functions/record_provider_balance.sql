-- Remembers a reading, and answers the one it is to be compared with and what was paid in since: the first one at which
-- nothing was under way, or the first of all. Older than the others, so that a difference is seen until an operator
-- says where it comes from, and not only by whoever looks first. No row: this was the first.
-- Locks: provider_balances (insert). Raises: OS014 invalid_argument (a figure that is none).
create or replace function record_provider_balance(
    p_provider text, p_balance numeric, p_spent numeric, p_slack numeric, p_paid_in numeric default 0
) returns table (at timestamptz, balance numeric, spent numeric, slack numeric, paid_in numeric)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    v_at timestamptz;
begin
    if p_provider is null or 'NaN'::numeric in (p_balance, p_spent, p_slack, p_paid_in) then
        raise exception using errcode = 'OS014', message = 'p_provider, p_balance: expected a provider and figures',
            detail = jsonb_build_object('argument', 'p_balance')::text;
    end if;
    insert into provider_balances (provider, balance, spent, slack, paid_in)
    values (p_provider, p_balance, p_spent, p_slack, p_paid_in)
    returning provider_balances.at into v_at;
    return query
        select b.at, b.balance, b.spent, b.slack,
               (select coalesce(sum(l.paid_in), 0) from provider_balances l
                 where l.provider = p_provider and l.at > b.at)
          from provider_balances b
         where b.provider = p_provider and b.at < v_at
         order by b.slack > 0, b.at
         limit 1;
end $$;
