-- What the audit rests on refuses to be rewritten. A correction is a new row.
-- Raises: OS009 append_only.
create or replace function refuse_rewriting() returns trigger
language plpgsql as $$
begin
    raise exception using errcode = 'OS009',
        message = format('%s on %s refused: its rows are kept, a correction is a new one', tg_op, tg_table_name);
end $$;
