-- Whose rows a role sees: onesms_user those of the user it asks for, our services all. Any other role sees none,
-- whatever it is granted. The owner is not held to it: inside the SECURITY DEFINER functions no policy is evaluated.
-- Making a policy locks its table against everybody, so each is made once: one that has to change gets another name.

do $$
declare
    v_table text;
    v_user_id text;
begin
    for v_table, v_user_id in values
        ('users', 'id'), ('activations', 'user_id'), ('rentals', 'user_id'), ('sms_messages', 'user_id'),
        ('wallet_holds', 'user_id'), ('balance_operations', 'user_id'), ('events', 'user_id'), ('receipts', 'user_id'),
        ('cards', 'user_id'), ('card_fundings', 'user_id'), ('card_transactions', 'user_id')
    loop
        if not (select relrowsecurity from pg_class where oid = v_table::regclass) then
            execute format('alter table %I enable row level security', v_table);
        end if;
        if not exists (select from pg_policy where polrelid = v_table::regclass and polname = 'services_see_all') then
            execute format('create policy services_see_all on %I to onesms_gateway, onesms_pollers, onesms_notifier, '
                           'onesms_operator, onesms_wallet using (true) with check (true)', v_table);
        end if;
        if not exists (select from pg_policy
                        where polrelid = v_table::regclass and polname = 'users_see_their_own') then
            -- As a subquery it is asked once a statement, not once a row.
            execute format('create policy users_see_their_own on %I for select to onesms_user '
                           'using (%I = (select claimed_user_id()))', v_table, v_user_id);
        end if;
    end loop;
end $$;
