-- The funding that an idempotency key has asked for already; nulls: none has. p_card_id null: whichever card. Private:
-- callers hold the wallet's lock.
-- Locks: none beyond the caller's. Raises: OS005 idempotency_mismatch.
create or replace function find_card_replay(
    p_user_id uuid, p_idempotency_key text, p_kind text, p_card_id uuid, p_usd numeric, p_request_digest bytea
) returns card_fundings
language plpgsql stable as $$
declare
    v_funding card_fundings;
    v_field text;
begin
    select * into v_funding from card_fundings where user_id = p_user_id and idempotency_key = p_idempotency_key;
    v_field := case when v_funding.kind <> p_kind or v_funding.card_id <> p_card_id then 'card_id'
                    when v_funding.usd <> p_usd then 'usd'
                    when v_funding.request_digest <> p_request_digest then 'body' end;
    if v_field is not null then
        raise exception using errcode = 'OS005',
            message = format('this idempotency key was already used with another %s', v_field),
            detail = jsonb_build_object('field', v_field)::text;
    end if;
    return v_funding;
end $$;
