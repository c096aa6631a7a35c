-- The provider knows the customer: submitting → registered; its documents go at p_purge_at. False if that was decided
-- already. The provider's word is final and needs no lease.
-- Locks: card_customers, card_documents (rows).
create or replace function record_card_customer(
    p_customer_id uuid, p_provider_customer_id text, p_purge_at timestamptz, p_now timestamptz default now()
) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update card_customers
       set status = 'registered', provider_customer_id = p_provider_customer_id, registered_at = p_now, due_at = null
     where id = p_customer_id and status = 'submitting';
    if not found then
        return false;
    end if;
    update card_documents set purge_at = p_purge_at where customer_id = p_customer_id;
    return true;
end $$;
