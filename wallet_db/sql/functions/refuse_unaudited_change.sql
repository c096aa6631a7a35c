-- A wallet's figures change by the wallet's functions only, which audit what they do.
-- Raises: OS017 unaudited_change.
create or replace function refuse_unaudited_change() returns trigger
language plpgsql as $$
begin
    raise exception using errcode = 'OS017',
        message = format('balance %s, frozen %s for user %s refused: use the wallet''s functions (atomic_deposit, '
                         'atomic_adjust, correct_frozen_balance …), which leave an operation in the audit',
                         new.balance, new.frozen_balance, new.id),
        detail = jsonb_build_object('user_id', new.id)::text;
end $$;
