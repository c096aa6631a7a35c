-- Tells the operators that one of them gave money back whose purchase was in doubt: p_provider may have sold all the
-- same, for p_amount of the user's money at most. An activation's number is looked for and given back
-- (numbers_in_doubt), a rental's is nobody's business any more. An error, so it becomes an alert.
-- Private. p_message: NUMBER_MAY_BE_SOLD or EXTENSION_MAY_BE_SOLD. p_order: {"activation_id"} or {"rental_id"}.
-- Locks: none.
create or replace function tell_may_be_sold(
    p_message text, p_order jsonb, p_provider text, p_amount numeric, p_now timestamptz
) returns void
language sql as $$
    insert into system_logs (at, level, source, message, data)
    values (p_now, 'error', 'operators', p_message, p_order || jsonb_build_object(
        'provider', p_provider, 'amount', p_amount::text,
        'reason', 'refunded while its purchase was in doubt: ' || case when p_order ? 'activation_id'
            then 'if the provider lists it, it is given back there'
            else 'if it was sold, python -m pollers reconcile names it' end))
$$;
