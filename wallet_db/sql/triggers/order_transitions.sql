-- Only the transitions that exist.

create or replace trigger activations_refuse_unknown_transition
    before update of status on activations for each row when (old.status is distinct from new.status)
    execute function refuse_unknown_transition();

create or replace trigger rentals_refuse_unknown_transition
    before update of status on rentals for each row when (old.status is distinct from new.status)
    execute function refuse_unknown_transition();

create or replace trigger card_fundings_refuse_unknown_transition
    before update of status on card_fundings for each row when (old.status is distinct from new.status)
    execute function refuse_unknown_transition();

create or replace trigger cards_begin_pending
    before insert on cards for each row execute function refuse_unknown_card_transition();
create or replace trigger cards_refuse_unknown_transition
    before update of status on cards for each row when (old.status is distinct from new.status)
    execute function refuse_unknown_card_transition();
