-- Who decides on an order after asking a provider says under which lease, and is refused if it is another's by now.
-- Orders that nobody can bring to an end are told of.

-- Their arguments or results change.
drop function if exists begin_purchase(uuid, text, timestamptz);
drop function if exists abandon_purchase(uuid, timestamptz, text, timestamptz);
drop function if exists end_unserved(uuid, text, text, text[], text, timestamptz);
drop function if exists begin_rental_purchase(uuid, text, text[], timestamptz);
drop function if exists abandon_rental_purchase(uuid, timestamptz);
drop function if exists close_rental(uuid, text, text, integer, timestamptz);
drop function if exists begin_extension(uuid, numeric, timestamptz);
drop function if exists abandon_extension(uuid, timestamptz);
drop function if exists refuse_extension(uuid, text, timestamptz, timestamptz);

insert into periodic_jobs (name, every) values ('tell_overdue', '1 hour');
