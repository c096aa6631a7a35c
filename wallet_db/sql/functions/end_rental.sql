-- An operator ends a rental here and now, whatever the provider says or leaves unsaid. p_refund: all that it holds
-- goes back (cancelled, REFUNDED_BY_OPERATOR), else it is spent (completed, CLOSED_BY_OPERATOR), which only one that
-- has a number can be. Nobody gives the number up upstream: it may go on to cost. The same again changes nothing.
-- A purchase or extension in doubt goes back, though it may have been sold: the operators are told how much may be lost
-- (NUMBER_MAY_BE_SOLD, EXTENSION_MAY_BE_SOLD).
-- Written down in system_logs with who, why and how the rental stood. Returns the rental.
-- Locks: users, then rentals.
-- Raises: OS007 unknown_order, OS008 invalid_transition (to spend what has no number yet), OS014 invalid_argument (no
--         reason), OS016 already_closed.
create or replace function end_rental(
    p_rental_id uuid, p_refund boolean, p_reason text, p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_rental rentals := lock_rental(p_rental_id);
    v_error_code text := case when p_refund then 'REFUNDED_BY_OPERATOR' else 'CLOSED_BY_OPERATOR' end;
begin
    perform check_reason(p_reason);
    if v_rental.closed_at is not null and v_rental.error_code is distinct from v_error_code then
        raise exception using errcode = 'OS016',
            message = format('the rental has already ended: %s', v_rental.status),
            detail = jsonb_build_object('order_id', p_rental_id, 'status', v_rental.status)::text;
    elsif v_rental.closed_at is null then
        perform close_rental(p_rental_id, case when p_refund then 'cancelled' else 'completed' end, v_error_code,
                             p_now => p_now, p_reason => p_reason);
        insert into system_logs (at, level, source, message, data)
        values (p_now, 'info', 'end_rental',
                case when p_refund then 'an operator refunded a rental' else 'an operator closed a rental' end,
                jsonb_build_object(
                    'rental_id', p_rental_id, 'user_id', v_rental.user_id, 'reason', p_reason, 'actor', acting(),
                    'amount', v_rental.frozen_amount::text, 'before', jsonb_build_object(
                        'status', v_rental.status, 'provider', v_rental.provider,
                        'provider_order_id', v_rental.provider_order_id, 'ends_at', iso_utc(v_rental.ends_at),
                        'extension', v_rental.extension_status, 'due_at', iso_utc(v_rental.due_at))));
        if v_rental.status = 'ordering' and v_rental.purchase_started_at is not null then
            perform tell_may_be_sold('NUMBER_MAY_BE_SOLD', jsonb_build_object('rental_id', p_rental_id),
                                     v_rental.provider, v_rental.price, p_now);
        elsif v_rental.extension_started_at is not null then
            perform tell_may_be_sold('EXTENSION_MAY_BE_SOLD', jsonb_build_object('rental_id', p_rental_id),
                                     v_rental.provider, v_rental.extension_price, p_now);
        end if;
    end if;
    return (select rental_json(r) from rentals r where r.id = p_rental_id);
end $$;
