-- What the provider says of a card, asked at p_checked_at; a clock ahead of ours does not make it later than now, or
-- whatever is heard next would be older. p_status null: nothing of its status. What came of it:
--   recorded   written
--   stale      an answer to a later look is written already: nothing changed
--   ended      the card is terminated or failed: nothing changed
--   refused    ours may not follow it there; all else is written. For a card without an id upstream nothing is
-- The first word that it is active commits its first funding; a card that is blocked or gone at first sight was active
-- before. A termination gives back a funding that nobody has begun. A wish that has come true is one no more, and a
-- refresh that was asked for before p_checked_at is answered. Of p_last4_sealed, p_expiry_sealed, p_brand and p_balance
-- null leaves what is known.
-- p_due_at counts where p_leased_until is still the card's lease; null: nothing to do until somebody wants something.
-- The provider's word itself is final and needs no lease. p_actor_type, p_reason: for the audit, if it is not the
-- provider's own news that is written, but what somebody found who compared.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS014 invalid_argument, OS025 card_not_found.
create or replace function record_card_state(
    p_card_id uuid, p_status text, p_balance numeric, p_checked_at timestamptz, p_last4_sealed bytea default null,
    p_expiry_sealed bytea default null, p_brand text default null, p_due_at timestamptz default null,
    p_leased_until timestamptz default null, p_actor_type text default 'provider', p_reason text default null,
    p_now timestamptz default now()
) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_card cards := lock_card(p_card_id);
    v_is_first boolean := v_card.status = 'pending_activation' and p_status <> 'pending_activation';
    v_status text := coalesce(p_status, v_card.status);
    v_is_refused boolean := false;
    v_creation card_fundings;
    v_is_paid boolean := false;
begin
    if v_status not in ('pending_activation', 'active', 'inactive', 'blocked', 'terminated')
       or p_checked_at is null then
        raise exception using errcode = 'OS014',
            message = format('expected a status that a provider may tell and when it was asked, got %s at %s',
                             quote_nullable(p_status), coalesce(p_checked_at::text, 'null')),
            detail = '{"argument": "p_status"}';
    end if;
    p_checked_at := least(p_checked_at, greatest(p_now, clock_timestamp()));
    if v_card.closed_at is not null then
        return 'ended';
    elsif p_checked_at < v_card.checked_at then
        return 'stale';
    elsif v_card.provider_card_id is null then
        return 'refused';
    end if;
    perform act_on_card(p_actor_type, case p_actor_type when 'provider' then v_card.provider else p_reason end);
    if v_is_first then
        select * into strict v_creation from card_fundings where card_id = p_card_id and kind = 'creation';
        v_is_paid := end_card_funding(v_creation.id, 'completed', null, p_now);
        if v_status <> 'active' then
            update cards set status = 'active', activated_at = p_now where id = p_card_id returning * into v_card;
        end if;
    elsif v_status <> v_card.status then
        v_is_refused := not exists (
            select from card_transitions where from_status = v_card.status and to_status = v_status);
        v_status := case when v_is_refused then v_card.status else v_status end;
    end if;
    perform write_card_state(v_card, v_status, p_balance, p_checked_at, p_last4_sealed, p_expiry_sealed, p_brand,
                             p_due_at, p_leased_until, p_now);
    if v_is_paid then
        perform atomic_commit(v_card.user_id, p_transaction_id => v_creation.transaction_id,
                              p_reason => 'card active');
    end if;
    if v_status = 'terminated' then
        perform refund_unbegun_funding(p_card_id, 'CARD_TERMINATED', p_now);
    end if;
    return case when v_is_refused then 'refused' else 'recorded' end;
end $$;
