-- Nobody but the owner may do anything; what the other files grant is all that anybody may. What PUBLIC or one of our
-- roles is given by hand besides, it loses with the next change of these files.

do $$
declare
    v_object text;
begin
    for v_object in
        select format('table %s', c.oid::regclass) from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S')
           and pg_get_userbyid(c.relowner) = current_user
           and not exists (select from pg_depend where objid = c.oid and deptype = 'e')
         union all
        select format('function %s', p.oid::regprocedure) from pg_proc p
         where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
           and pg_get_userbyid(p.proowner) = current_user
           and not exists (select from pg_depend where objid = p.oid and deptype = 'e')
    loop
        execute format('revoke all on %s from public, onesms_gateway, onesms_pollers, onesms_notifier, '
                       'onesms_operator, onesms_wallet, onesms_user', v_object);
    end loop;
end $$;

-- The audit is written and read, by its owner too. That an owner can grant this to itself again is why there is also a
-- trigger.
revoke update, delete, truncate on balance_operations, strowallet_card_audit from current_user;

-- Functions find ours by name in this schema: nobody else may put any there.
do $$
begin
    if has_schema_privilege('public', 'public', 'create') then
        revoke create on schema public from public;
        if has_schema_privilege('public', 'public', 'create') then
            raise exception 'everybody may create objects in schema public, and % may not change that: its owner has '
                'to revoke create on schema public from public', current_user;
        end if;
    end if;
end $$;

grant usage on schema public
    to onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet, onesms_user;

-- Which migrations were applied is looked at by every process that starts.
grant select on schema_migrations to onesms_gateway, onesms_pollers, onesms_notifier, onesms_operator, onesms_wallet;
