-- Who a user is, for a provider of cards: the written intent; a poller submits it. One of a user with each provider,
-- and one of an address, until it has failed. p_customer_id and p_document_ids are the caller's, who sealed details and
-- documents with them; of these there is one of each kind at most. The same key again gives the first call's customer,
-- as it is now, with "replayed": true.
-- Locks: users, then card_customers, card_documents (insert).
-- Raises: OS002 unknown_user, OS005 idempotency_mismatch, OS014 invalid_argument, OS029 customer_exists,
--         OS031 cards_not_sold.
create or replace function create_card_customer(
    p_user_id uuid, p_customer_id uuid, p_provider text, p_details bytea, p_email_digest bytea,
    p_document_ids uuid[], p_document_kinds text[], p_document_types text[], p_documents bytea[],
    p_idempotency_key text default null, p_request_id text default null, p_request_digest bytea default null,
    p_now timestamptz default now()
) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_customer card_customers;
begin
    if p_idempotency_key is not null then
        perform check_key('p_idempotency_key', p_idempotency_key);
    end if;
    if p_customer_id is null or num_nulls(p_details, p_email_digest) > 0 then
        raise exception using errcode = 'OS014', message = 'expected an id, sealed details and a digest of the address',
            detail = '{"argument": "p_details"}';
    elsif (cardinality(p_document_ids) = cardinality(p_document_kinds)
           and cardinality(p_document_ids) = cardinality(p_document_types)
           and cardinality(p_document_ids) = cardinality(p_documents)
           and p_document_kinds <@ array['id_image', 'user_photo']
           and cardinality(p_document_kinds) = (select count(distinct kind) from unnest(p_document_kinds) kind)
          ) is not true then
        raise exception using errcode = 'OS014',
            message = 'expected documents of different kinds (id_image, user_photo), each with id, type and bytes',
            detail = '{"argument": "p_documents"}';
    end if;
    perform lock_user_wallet(p_user_id);

    select * into v_customer from card_customers where user_id = p_user_id and idempotency_key = p_idempotency_key;
    if found then
        if v_customer.provider <> p_provider or v_customer.request_digest <> p_request_digest then
            raise exception using errcode = 'OS005',
                message = 'this idempotency key was already used with another customer', detail = '{"field": "body"}';
        end if;
        return card_customer_json(v_customer) || '{"replayed": true}';
    end if;
    if not exists (select from card_offers where provider = p_provider and on_sale) then
        raise exception using errcode = 'OS031', message = format('no cards of %s are for sale', p_provider),
            detail = jsonb_build_object('provider', p_provider)::text;
    end if;
    select * into v_customer from card_customers
     where user_id = p_user_id and provider = p_provider and status <> 'failed';
    if found then
        raise exception using errcode = 'OS029',
            message = format('the user is a customer already: %s', v_customer.status),
            detail = jsonb_build_object('provider', p_provider, 'field', 'user', 'status', v_customer.status)::text;
    end if;
    insert into card_customers (id, user_id, provider, details, email_digest, request_id, idempotency_key,
                                request_digest, created_at, due_at)
    values (p_customer_id, p_user_id, p_provider, p_details, p_email_digest, p_request_id, p_idempotency_key,
            p_request_digest, p_now, p_now)
    on conflict (provider, email_digest) where status <> 'failed' do nothing
    returning * into v_customer;
    if not found then
        raise exception using errcode = 'OS029', message = 'another user is a customer by this address',
            detail = jsonb_build_object('provider', p_provider, 'field', 'email')::text;
    end if;
    insert into card_documents (id, customer_id, user_id, kind, content_type, sealed, created_at)
    select id, p_customer_id, p_user_id, kind, content_type, sealed, p_now
      from unnest(p_document_ids, p_document_kinds, p_document_types, p_documents)
           as document (id, kind, content_type, sealed);
    perform pg_notify('onesms_card_jobs', 'customers');
    return card_customer_json(v_customer) || '{"replayed": false}';
end $$;
