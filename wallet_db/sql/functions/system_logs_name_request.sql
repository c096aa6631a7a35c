-- A row of the log about an order says which request placed it, for whoever wrote the row knows the order only. A rule
-- of the table, so that none of its writers can forget it; nothing of an order that goes well is written there.
-- Locks: none.
create or replace function system_logs_name_request() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_order_id text := coalesce(new.data ->> 'activation_id', new.data ->> 'rental_id');
    v_request_id text;
begin
    if v_order_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        select coalesce((select request_id from activations where id = v_order_id::uuid),
                        (select request_id from rentals where id = v_order_id::uuid))
          into v_request_id;
    end if;
    if v_request_id is not null then
        new.data := jsonb_build_object('request_id', v_request_id) || new.data;
    end if;
    return new;
end $$;
