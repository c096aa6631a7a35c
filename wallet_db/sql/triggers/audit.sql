-- The audit and the users it is about are kept, whoever asks: their owner too.

create or replace trigger balance_operations_append_only
    before update or delete or truncate on balance_operations
    for each statement execute function refuse_rewriting();

create or replace trigger users_are_kept
    before delete or truncate on users
    for each statement execute function refuse_rewriting();

-- No balance without its operation. The functions count operation_number up with each change; a change made by hand does
-- not, and is refused. Kept this small because every freeze evaluates it, and after the update because a trigger before it
-- would lock the row a second time.
create or replace trigger users_change_by_operation
    after update of balance, frozen_balance on users for each row when (new.operation_number = old.operation_number)
    execute function refuse_unaudited_change();

create or replace trigger users_begin_empty
    before insert on users for each row
    when (new.balance <> 0 or new.frozen_balance <> 0 or new.operation_number <> 0)
    execute function refuse_unaudited_change();

create or replace trigger acknowledged_breaks_append_only
    before update or delete or truncate on acknowledged_breaks
    for each statement execute function refuse_rewriting();

-- What is done to cards, by whomever: a change that nobody wrote down cannot be made.
create or replace trigger strowallet_card_audit_append_only
    before update or delete or truncate on strowallet_card_audit
    for each statement execute function refuse_rewriting();

create or replace trigger cards_audit_created
    after insert on cards for each row execute function cards_audit();
create or replace trigger cards_audit_updated
    after update on cards for each row
    when ((new.status, new.wanted_action, new.balance, new.error_code)
          is distinct from (old.status, old.wanted_action, old.balance, old.error_code))
    execute function cards_audit();

create or replace trigger card_fundings_audit_created
    after insert on card_fundings for each row when (new.kind = 'funding') execute function card_fundings_audit();
create or replace trigger card_fundings_audit_updated
    after update on card_fundings for each row when (new.status <> old.status) execute function card_fundings_audit();

create or replace trigger card_reveals_audit_created
    after insert on card_reveals for each row execute function card_reveals_audit();
create or replace trigger card_reveals_audit_updated
    after update on card_reveals for each row when (new.status <> old.status) execute function card_reveals_audit();
