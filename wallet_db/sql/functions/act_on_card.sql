-- Who changes cards from here to the end of the transaction, for their audit: the triggers that write it see rows only.
-- p_actor_type: user, operator, provider or system. p_actor_id null: whoever acts by the database's word. What an
-- operator does by hand is the operator's, whoever does it otherwise. Private.
-- Locks: none.
create or replace function act_on_card(p_actor_type text, p_actor_id text default null) returns void
language plpgsql as $$
declare
    v_by_hand boolean := current_setting('role') = 'onesms_operator' and p_actor_type <> 'operator';
begin
    perform set_config('onesms.card_actor_type', case when v_by_hand then 'operator' else p_actor_type end, true),
            set_config('onesms.card_actor_id', case when v_by_hand or p_actor_id is null then acting()
                                                    else p_actor_id end, true);
end $$;
