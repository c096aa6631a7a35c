-- Refuses an amount that is not a sum of money: null, NaN, infinite, zero or below, finer than a cent, too large.
-- Locks: none. Raises: OS006 invalid_amount.
create or replace function check_amount(p_amount numeric) returns void
language plpgsql immutable as $$
begin
    if p_amount is null or p_amount in ('NaN', 'Infinity', '-Infinity') or p_amount <= 0
       or p_amount <> round(p_amount, 2) or p_amount >= 1e12 then
        raise exception using errcode = 'OS006',
            message = format('expected an amount above 0 with at most 2 decimals and below 10^12, got %s',
                             coalesce(left(p_amount::text, 400), 'null')),
            detail = jsonb_build_object('amount', left(p_amount::text, 400))::text;
    end if;
end $$;
