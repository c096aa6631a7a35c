-- The SMS of a rental, as many as the provider tells: those not yet known are shown, each once. p_messages is an array
-- of {"id", "code", "text"}, oldest first, where id tells messages of this rental apart. Returns how many were new.
-- A rental whose money went back shows none any more: that some came is logged for the operator, once a call.
-- Locks: users, then rentals. Raises: OS007 unknown_order, OS008 invalid_transition (nothing was rented yet).
create or replace function apply_rental_sms(
    p_rental_id uuid, p_messages jsonb, p_now timestamptz default now()
) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals;
    v_fresh jsonb;
    v_message jsonb;
    v_applied integer := 0;
begin
    select jsonb_agg(m order by place) into v_fresh
      from jsonb_array_elements(p_messages) with ordinality as told (m, place)
     where not exists (select from sms_messages
                        where rental_id = p_rental_id and provider_message_id = m ->> 'id');
    if v_fresh is null then
        return 0;  -- the usual case: a look that found nothing new locks nobody
    end if;
    v_rental := lock_rental(p_rental_id);
    if v_rental.status = 'ordering' then
        raise exception using errcode = 'OS008', message = format('rental %s has no number yet', p_rental_id),
            detail = jsonb_build_object('order_id', p_rental_id, 'from', 'ordering', 'to', 'active')::text;
    elsif v_rental.status in ('cancelled', 'failed') then
        insert into system_logs (level, source, message, data)
        values ('warning', 'apply_rental_sms', 'SMS came for a rental that is closed and paid back',
                jsonb_build_object('rental_id', p_rental_id, 'status', v_rental.status,
                                   'messages', jsonb_array_length(v_fresh)));
        return 0;
    end if;
    for v_message in
        select m from jsonb_array_elements(v_fresh) with ordinality as told (m, place)
         where not exists (select from sms_messages  -- again, under the lock
                            where rental_id = p_rental_id and provider_message_id = m ->> 'id')
         order by place
    loop
        insert into sms_messages (user_id, rental_id, code, text, provider_message_id, received_at)
        values (v_rental.user_id, p_rental_id, nullif(v_message ->> 'code', ''), coalesce(v_message ->> 'text', ''),
                v_message ->> 'id', p_now);
        v_applied := v_applied + 1;
    end loop;
    return v_applied;
end $$;
