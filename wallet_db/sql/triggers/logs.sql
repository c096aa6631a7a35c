-- What a row of the log says besides what its writer said.

create or replace trigger system_logs_name_request
    before insert on system_logs for each row
    when (new.data ? 'activation_id' or new.data ? 'rental_id')
    execute function system_logs_name_request();
