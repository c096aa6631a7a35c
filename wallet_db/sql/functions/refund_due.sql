-- What of a hold goes back when its order has ended so; the rest is spent. A timeout gives back timeout_refund_percent
-- (the service's own, else the setting). Private.
-- Raises: OS008 invalid_transition (a status that ends nothing).
create or replace function refund_due(p_status text, p_service text, p_amount numeric) returns numeric
language plpgsql stable as $$
declare
    v_percent integer;
begin
    if p_status in ('received', 'completed', 'expired') then
        return 0;
    elsif p_status in ('cancelled', 'failed') then
        return p_amount;
    elsif p_status is distinct from 'timeout' then
        raise exception using errcode = 'OS008',
            message = format('expected a status that ends an order, got %s', quote_nullable(p_status)),
            detail = jsonb_build_object('to', p_status)::text;
    end if;
    select coalesce(s.timeout_refund_percent,
                    (select (value #>> '{}')::numeric::integer from settings where key = 'timeout_refund_percent'), 100)
      into v_percent from services s where s.service = p_service;
    return round(p_amount * v_percent / 100, 2);
end $$;
