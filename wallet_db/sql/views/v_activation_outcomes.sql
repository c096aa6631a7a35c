-- Each order by what became of it, in the words of reports; whose it is and its number are not here. One definition for
-- the views of the last 24 hours and for `python -m wallet_db analyze`, each asking for its time by created_at.
--   received   had its SMS while it was open (status received, completed)
--   cancelled  its user gave it up
--   refunded   an operator gave the money back (cancelled with the error code REFUNDED_BY_OPERATOR, unless a late SMS
--              was charged: then its last attempt says so): what would have become of it is not known, so it is decided
--              no more than an open one
--   timeout    nobody did, and no SMS came as long as we waited
--   expired    the provider ended it, by itself and before that (cancelled with the error code ENDED, or, after a late
--              SMS, by its last attempt)
--   failed     no number was sold to us
--   open       not decided yet (ordering, pending)
-- price_paid: of an order that had its SMS; what is kept of timeouts is in the audit. cost: of numbers not given back.
create or replace view v_activation_outcomes as
select a.id, a.service, a.country, a.provider,
       case when a.status in ('received', 'completed') then 'received'
            when a.status in ('ordering', 'pending') then 'open'
            when a.status = 'cancelled' and a.error_code = 'ENDED' then 'expired'
            when a.status = 'cancelled' and a.error_code = 'REFUNDED_BY_OPERATOR' then 'refunded'
            when a.status = 'cancelled' and a.late_sms_at is not null then coalesce((
                 select case t.status when 'refunded' then 'refunded' when 'ended' then 'expired' end
                   from route_attempts t where t.activation_id = a.id and t.number = a.attempts), 'cancelled')
            else a.status end as outcome,
       a.error_code, a.created_at, a.purchased_at, a.closed_at,
       -- Of those that have one: an index leads there, and the others need no looking up.
       case when a.status in ('received', 'completed') then (
            select t.sms_at from route_attempts t where t.activation_id = a.id and t.number = a.attempts) end as sms_at,
       a.late_sms_at,
       case when a.status in ('received', 'completed') then a.price else 0.00 end as price_paid,
       case when a.status in ('received', 'completed') or a.late_sms_at is not null
            then coalesce(a.provider_cost, 0) else 0.0000 end as cost
  from activations a;
