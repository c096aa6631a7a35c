-- The audit refuses to be rewritten, by its owner too. A correction is a new row.
-- Raises: OS009 append_only.
create or replace function balance_operations_append_only() returns trigger
language plpgsql as $$
begin
    raise exception using errcode = 'OS009',
        message = format('%s on %s refused: it is append-only, a correction is a new row', tg_op, tg_table_name);
end $$;
