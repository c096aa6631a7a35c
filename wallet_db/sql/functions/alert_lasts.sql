-- Whether what an alert tells of is still so, where that can be looked at; null: it cannot, so only silence tells.
-- Private.
--   a wallet that needs a person, or was corrected   until v_frozen_balance_health finds it OK
--   a route or service marked by the rule   until the rule or an operator says otherwise
--   orders open past their end     until none of them is, of that provider
--   a provider that does not answer   until it answers again, by what the pollers have written down; and as long as it
--                                     is left alone (`pause_s`), with a minute for asking it again
--   numbers that may be sold       until none is looked for any more, of that provider
--   what has an end (`until`)      until then
-- Locks: none.
create or replace function alert_lasts(p_alert alerts, p_now timestamptz) returns boolean
language plpgsql stable as $$
declare
    v_data jsonb := p_alert.data;
begin
    if p_alert.source = 'correct_frozen_balance' then
        return coalesce(wallet_health((v_data ->> 'user_id')::uuid) ->> 'status' <> 'OK', false);
    elsif p_alert.source = 'judge_routes' and v_data ? 'provider' then
        return exists (select from routes r
                        where r.provider = v_data ->> 'provider' and r.service = v_data ->> 'service'
                          and r.country = v_data ->> 'country' and r.state = v_data ->> 'after'
                          and r.decided_by = 'rule');
    elsif p_alert.source = 'judge_routes' then
        return exists (select from services s where s.service = v_data ->> 'service' and s.warned_at is not null
                          and s.decided_by = 'rule');
    elsif p_alert.source = 'tell_overdue' then
        return exists (select from activations a
                        where a.due_at is not null and coalesce(a.provider, '') = v_data ->> 'provider'
                          and coalesce(a.expires_at, a.created_at) < p_alert.last_at)
            or exists (select from rentals r
                        where r.due_at is not null and coalesce(r.provider, '') = v_data ->> 'provider'
                          and coalesce(r.ends_at, r.created_at) < p_alert.last_at);
    elsif p_alert.message = 'PROVIDER_NOT_ANSWERING' then
        return case when exists (select from system_logs l
                                  where l.at > p_alert.last_at and l.message = 'PROVIDER_ANSWERS_AGAIN'
                                    and l.data ->> 'provider' = v_data ->> 'provider') then false
                    when p_alert.last_at + make_interval(secs => coalesce((v_data ->> 'pause_s')::float8, 0) + 60)
                         > p_now then true end;
    elsif p_alert.message = 'NUMBER_MAY_BE_SOLD' and v_data ? 'activation_id' then
        return exists (select from numbers_in_doubt n where n.provider = v_data ->> 'provider');
    elsif v_data ->> 'until' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d' then
        return case when (v_data ->> 'until')::timestamptz > p_now then true end;
    end if;
    return null;
end $$;
