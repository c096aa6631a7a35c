-- The audit is append-only, for its owner too.

create or replace trigger balance_operations_append_only
    before update or delete or truncate on balance_operations
    for each statement execute function balance_operations_append_only();
