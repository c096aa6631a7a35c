-- A hold is changed once: when it ends, and then whole, with who ended it and when.
-- Raises: OS004 already_settled; check_violation, if it would not end whole.
create or replace function refuse_second_end() returns trigger
language plpgsql as $$
begin
    if old.state <> 'held' then
        raise exception using errcode = 'OS004',
            message = format('hold %s was already %s by %s', old.transaction_id, old.state, old.settled_by),
            detail = jsonb_build_object('hold_transaction_id', old.transaction_id, 'state', old.state,
                                        'settled_by', old.settled_by, 'settled_at', iso_utc(old.settled_at))::text;
    elsif (new.state in ('committed', 'refunded') and new.committed_amount >= 0 and new.refunded_amount >= 0
           and new.committed_amount + new.refunded_amount = old.amount
           and num_nonnulls(new.settled_by, new.settled_at, new.settled_number) = 3
           and (new.transaction_id, new.user_id, new.amount)
               = (old.transaction_id, old.user_id, old.amount)) is not true then
        raise check_violation using constraint = 'wallet_holds_end_whole',
            message = format('hold %s must end whole: committed + refunded = %s', old.transaction_id, old.amount);
    end if;
    return new;
end $$;
