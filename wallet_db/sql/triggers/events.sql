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
