-- Events are kept for some days, and the codes in them for some hours after their order has closed.
--   * A receipt outlives its event, for disputes come later: it says itself what was shown.
--   * `redactions` lists what is to be redacted, so that nobody has to look for it among all events; it empties itself.

alter table receipts drop constraint receipts_event_exists;
alter table receipts add column type text, add column order_id uuid;
update receipts r
   set type = e.type,
       order_id = coalesce(e.payload ->> 'activation_id', e.payload ->> 'rental_id',
                           case when e.type like 'activation.%' or e.type like 'rental.%'
                                then e.payload ->> 'id' end)::uuid
  from events e where e.user_id = r.user_id and e.seq = r.seq;

-- What is removed at the low end leaves dead entries in the index that the next removal begins at.
alter table events set (autovacuum_vacuum_scale_factor = 0.02);

create table redactions (
    order_id   uuid        not null,  -- of an activation or a rental
    user_id    uuid        not null,
    seqs       bigint[]    not null,  -- the user's events that carry a code or text of it
    closed_at  timestamptz,           -- null: the order is open
    constraint redactions_pkey primary key (order_id)
) with (fillfactor = 70);
create index redactions_due on redactions (closed_at) where closed_at is not null;

insert into redactions (order_id, user_id, seqs, closed_at)
select o.order_id, o.user_id, array_agg(o.seq order by o.seq), coalesce(max(a.closed_at), max(r.closed_at))
  from (select user_id, seq, case type when 'sms.received' then coalesce(payload ->> 'activation_id',
                                                                         payload ->> 'rental_id')
                                       else payload ->> 'id' end::uuid as order_id
          from events
         where type = 'sms.received'
            or type in ('activation.updated', 'rental.updated') and payload -> 'sms' <> '[]') o
  left join activations a on a.id = o.order_id
  left join rentals r on r.id = o.order_id
 where o.order_id is not null
 group by 1, 2;

insert into periodic_jobs (name, every) values ('forget_events', '1 minute'), ('redact_events', '1 minute');
