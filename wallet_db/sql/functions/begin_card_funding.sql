-- Writes down, before the provider is asked, that it is going to be paid, and which transactions it lists of the card
-- already. True for one caller, until abandon_card_funding says that nothing was paid: whoever finds it begun looks for
-- it among the card's transactions, and never pays again. A card that is not to be used any more is not funded: the
-- money goes back at once, and the answer is false.
-- p_leased_until: the caller's lease; if it is another's by now, that one decides. Null: the caller has none.
-- Locks: users, then cards, then card_fundings (rows). Raises: OS007 unknown_order.
create or replace function begin_card_funding(
    p_funding_id uuid, p_seen text[], p_now timestamptz default now(), p_leased_until timestamptz default null
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_funding card_fundings := lock_card_funding(p_funding_id);
begin
    if v_funding.kind <> 'funding' or v_funding.status <> 'ordering' or v_funding.begun_at is not null
       or v_funding.due_at is distinct from coalesce(p_leased_until, v_funding.due_at) then
        return false;
    elsif exists (select from cards
                   where id = v_funding.card_id and status = 'active' and wanted_action is null) then
        update card_fundings set begun_at = p_now, seen = p_seen where id = p_funding_id;
        return true;
    end if;
    perform act_on_card('system');
    perform refund_unbegun_funding(v_funding.card_id, 'CARD_NOT_USABLE', p_now);
    return false;
end $$;
