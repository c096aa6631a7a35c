-- Which changes become events. A `when` lists what is visible to the user: other changes are nobody's business.

create or replace trigger activations_append_event_created
    after insert on activations for each row execute function activations_append_event();
create or replace trigger activations_append_event_updated
    after update on activations for each row
    when ((new.status, new.phone, new.expires_at, new.cancel_requested_at, new.cancel_allowed_at,
           new.another_sms_requested_at, new.another_sms_asked_at, new.finish_requested_at, new.error_code)
          is distinct from
          (old.status, old.phone, old.expires_at, old.cancel_requested_at, old.cancel_allowed_at,
           old.another_sms_requested_at, old.another_sms_asked_at, old.finish_requested_at, old.error_code))
    execute function activations_append_event();

create or replace trigger rentals_append_event_created
    after insert on rentals for each row execute function rentals_append_event();
create or replace trigger rentals_append_event_updated
    after update on rentals for each row
    when ((new.status, new.phone, new.hours, new.ends_at, new.cancel_requested_at, new.cancel_allowed_at,
           new.finish_requested_at, new.extension_transaction_id, new.extension_status, new.error_code)
          is distinct from
          (old.status, old.phone, old.hours, old.ends_at, old.cancel_requested_at, old.cancel_allowed_at,
           old.finish_requested_at, old.extension_transaction_id, old.extension_status, old.error_code))
    execute function rentals_append_event();

create or replace trigger sms_messages_append_event
    after insert on sms_messages for each row execute function sms_messages_append_event();

create or replace trigger cards_append_event_created
    after insert on cards for each row execute function cards_append_event();
-- The answer to a refresh is told even if it is the same again: somebody waits for it.
create or replace trigger cards_append_event_updated
    after update on cards for each row
    when ((new.status, new.balance, new.wanted_action, new.error_code, new.brand, new.provider_card_id is null)
          is distinct from
          (old.status, old.balance, old.wanted_action, old.error_code, old.brand, old.provider_card_id is null)
          or old.refresh_asked_at is not null and new.refresh_asked_at is null)
    execute function cards_append_event();

-- A card's first funding is told of with the card.
create or replace trigger card_fundings_append_event_created
    after insert on card_fundings for each row when (new.kind = 'funding')
    execute function card_fundings_append_event();
create or replace trigger card_fundings_append_event_updated
    after update on card_fundings for each row when (new.kind = 'funding' and new.status <> old.status)
    execute function card_fundings_append_event();

create or replace trigger card_transactions_append_event_created
    after insert on card_transactions for each row when (new.told_at is not null)
    execute function card_transactions_append_event();
create or replace trigger card_transactions_append_event_updated
    after update on card_transactions for each row
    when (new.told_at is not null and (new.status, new.usd) <> (old.status, old.usd))
    execute function card_transactions_append_event();
