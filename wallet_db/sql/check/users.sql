-- Judges the wallets of the users whose ids lie between $1 and $2, and whatever names a user in that range who does not
-- exist. One row: what was looked at, and the faults: how many by rule, and $3 of them written out.
-- Nothing is believed that a constraint or trigger promises: whoever can bypass one leaves a trace here.
-- An operation that restated frozen ('correct') found a fault that has been put right since: its rule is 'correction'.
-- One that begins elsewhere, by as much as an operator has acknowledged, is 'acknowledged'; so is the money of it.
with operations as materialized (
    select user_id, number, type, amount, balance_before, balance_after, frozen_before, frozen_after,
           available_before, available_after, transaction_id, hold_transaction_id,
           coalesce(lag(number) over of_user, 0) as previous_number,
           coalesce(lag(balance_after) over of_user, 0.00) as previous_balance,
           coalesce(lag(frozen_after) over of_user, 0.00) as previous_frozen,
           lead(number) over of_user is null as is_last
      from balance_operations
     where user_id between $1 and $2
    window of_user as (partition by user_id order by number)
),
judged_operations as (
    select o.*, k.balance_difference, format('; %s, %s: %s', k.actor, iso_utc(k.acknowledged_at), k.reason) as remark,
           k.number is not null as is_acknowledged,
           (o.number = previous_number + 1) is true as follows,
           -- Behind a missing row nothing can be said of what it left.
           (o.number <> previous_number + 1 or balance_before = previous_balance
                and (frozen_before = previous_frozen or type = 'correct')) is true as chains,
           (case type
                when 'freeze' then amount > 0 and balance_after = balance_before
                                   and frozen_after = frozen_before + amount
                when 'commit' then amount > 0 and balance_after = balance_before - amount
                                   and frozen_after = frozen_before - amount
                when 'refund' then amount > 0 and balance_after = balance_before
                                   and frozen_after = frozen_before - amount
                when 'deposit' then amount > 0 and balance_after = balance_before + amount
                                    and frozen_after = frozen_before
                when 'adjust' then amount <> 0 and balance_after = balance_before + amount
                                   and frozen_after = frozen_before
                when 'correct' then amount <> 0 and balance_after = balance_before
                                    and frozen_after = frozen_before + amount
            end and available_before = balance_before - frozen_before
                and available_after = balance_after - frozen_after) is true as adds_up,
           (frozen_after between 0 and balance_after) is true as is_covered
      from operations o
      left join acknowledged_breaks k on k.user_id = o.user_id and k.number = o.number
           and k.balance_difference = o.balance_before - o.previous_balance
           and k.frozen_difference = o.frozen_before - o.previous_frozen
),
audited as (                                               -- what the audit says of each hold
    select user_id, case type when 'freeze' then transaction_id else hold_transaction_id end as hold,
           min(number) as number,
           count(*) filter (where type = 'freeze') as freezes,
           min(number) filter (where type = 'freeze') as frozen_number,
           sum(amount) filter (where type = 'freeze') as amount,
           count(*) filter (where type <> 'freeze') as settlements,
           count(*) filter (where type = 'commit') as commits,
           min(number) filter (where type = 'commit') as commit_number,
           coalesce(sum(amount) filter (where type = 'commit'), 0.00) as committed_amount,
           count(*) filter (where type = 'refund') as refunds,
           min(number) filter (where type = 'refund') as refund_number,
           coalesce(sum(amount) filter (where type = 'refund'), 0.00) as refunded_amount,
           min(transaction_id) filter (where type <> 'freeze') as settled_by,
           max(transaction_id) filter (where type <> 'freeze') as settled_by_last
      from operations
     where type in ('freeze', 'commit', 'refund')
     group by 1, 2
),
judged_holds as (
    select a.*, h.user_id = a.user_id as is_there, h.state, h.amount as hold_amount,
           h.frozen_number as hold_frozen_number, h.committed_amount as hold_committed,
           h.refunded_amount as hold_refunded, h.settled_number as hold_settled_number, h.settled_by as hold_settled_by,
           (a.freezes = 1 and a.frozen_number = h.frozen_number and a.amount = h.amount) is true as is_frozen,
           (h.state = 'held' and num_nonnulls(h.committed_amount, h.refunded_amount, h.settled_number, h.settled_by,
                                              h.settled_at) = 0
            or h.state in ('committed', 'refunded') and h.committed_amount >= 0 and h.refunded_amount >= 0
               and h.committed_amount + h.refunded_amount = h.amount and h.settled_at is not null) is true as is_whole,
           (h.state <> 'held' or a.settlements = 0) is true as is_open,
           (h.state = 'held'
            or a.commits <= 1 and a.refunds <= 1
               and (a.committed_amount, a.refunded_amount) = (h.committed_amount, h.refunded_amount)
               and a.commit_number is not distinct from
                   case when h.committed_amount > 0 then h.settled_number + (h.state = 'refunded')::integer end
               and a.refund_number is not distinct from
                   case when h.refunded_amount > 0 then h.settled_number + (h.state = 'committed')::integer end
               and (a.settled_by, a.settled_by_last) = (h.settled_by, h.settled_by)) is true as is_settled
      from audited a
      -- One look into the key for each: a join might read all holds for every range of users.
      left join lateral (select * from wallet_holds where transaction_id = a.hold limit 1) h on true
),
heads as (
    select user_id, min(seq) as first_seq, max(seq) as seq, count(*) as events
      from events where user_id between $1 and $2 group by user_id
),
wallets as (
    select u.id, u.balance, u.frozen_balance, u.operation_number, u.event_seq, e.first_seq, e.seq, e.events,
           coalesce(o.number, 0) as number, coalesce(o.balance_after, 0.00) as last_balance,
           coalesce(o.frozen_after, 0.00) as last_frozen, coalesce(h.amount, 0.00) as held
      from users u
      left join operations o on o.user_id = u.id and o.is_last
      left join (select user_id, sum(amount) as amount from wallet_holds
                  where state = 'held' and user_id between $1 and $2 group by user_id) h on h.user_id = u.id
      left join heads e on e.user_id = u.id
     where u.id between $1 and $2
),
faults (user_id, rule, place, expected, found) as materialized (
    select o.user_id, f.rule, format('operation %s', o.number), f.expected, f.found
      from judged_operations o, lateral (values
        ('numbers_without_gap', not o.follows, format('operation %s', o.previous_number + 1),
         format('operation %s', o.number)),
        (case o.previous_number when 0 then 'begins_at_zero' else 'before_is_previous_after' end,
         not o.chains and not o.is_acknowledged,
         format('balance %s, frozen %s', o.previous_balance, o.previous_frozen),
         format('balance %s, frozen %s', o.balance_before, o.frozen_before)),
        ('acknowledged', not o.chains and o.is_acknowledged,
         format('balance %s, frozen %s', o.previous_balance, o.previous_frozen),
         format('balance %s, frozen %s', o.balance_before, o.frozen_before) || o.remark),
        ('arithmetic', not o.adds_up,
         case when o.type not in ('freeze', 'commit', 'refund', 'deposit', 'adjust', 'correct') then 'a known type'
              when o.amount = 0 or o.amount < 0 and o.type not in ('adjust', 'correct') then 'an amount above 0.00'
              else format('balance %s, frozen %s', o.balance_before + case
                              when o.type in ('deposit', 'adjust') then o.amount when o.type = 'commit' then -o.amount
                              else 0 end,
                          o.frozen_before + case
                              when o.type in ('freeze', 'correct') then o.amount
                              when o.type in ('commit', 'refund') then -o.amount else 0 end) end,
         format('balance %s, frozen %s, available %s to %s, after %s of %s', o.balance_after, o.frozen_after,
                o.available_before, o.available_after, o.type, o.amount)),
        ('never_overspent', not o.is_covered, 'frozen from 0.00 up to the balance',
         format('balance %s, frozen %s', o.balance_after, o.frozen_after)),
        ('correction', o.type = 'correct', format('frozen %s', o.frozen_after), format('frozen %s', o.frozen_before))
      ) f (rule, is_fault, expected, found)
     where f.is_fault and (o.type = 'correct' or not (o.follows and o.chains and o.adds_up and o.is_covered))
    union all
    select h.user_id, f.rule, format('hold %s', h.hold), f.expected, f.found
      from judged_holds h, lateral (values
        ('operation_has_its_hold', h.is_there is not true, format('a hold of operation %s', h.number),
         'none of this user'),
        ('hold_has_its_freeze', h.is_there and not h.is_frozen,
         format('%s frozen by operation %s', h.hold_amount, h.hold_frozen_number),
         case h.freezes when 0 then 'no freeze' when 1
              then format('%s frozen by operation %s', h.amount, h.frozen_number)
              else format('%s freezes', h.freezes) end),
        ('hold_ends_whole', h.is_there and not h.is_whole,
         format('held, or committed + refunded = %s, by whom and when', h.hold_amount),
         format('%s, committed %s, refunded %s', h.state, coalesce(h.hold_committed::text, 'null'),
                coalesce(h.hold_refunded::text, 'null'))),
        ('open_hold_has_no_settlement', h.is_there and not h.is_open, 'no commit or refund of a hold that is held',
         format('%s of them, from operation %s', h.settlements, least(h.commit_number, h.refund_number))),
        ('hold_has_its_settlement', h.is_there and h.is_whole and not h.is_settled,
         format('%s by %s, from operation %s: committed %s, refunded %s', h.state, h.hold_settled_by,
                h.hold_settled_number, h.hold_committed, h.hold_refunded),
         case h.settlements when 0 then 'no commit or refund'
              else format('by %s, commit %s as operation %s, refund %s as operation %s', h.settled_by_last,
                          h.committed_amount, coalesce(h.commit_number::text, 'none'), h.refunded_amount,
                          coalesce(h.refund_number::text, 'none')) end)
      ) f (rule, is_fault, expected, found)
     where f.is_fault and (h.is_there and h.is_frozen and h.is_whole and h.is_open and h.is_settled) is not true
    union all
    select w.id, f.rule, 'wallet', f.expected, f.found
      from wallets w, lateral (values
        ('numbers_without_gap', w.number <> w.operation_number,
         format('operation %s to be the last', w.operation_number), format('operation %s', w.number)),
        -- If the last row is missing, what it left cannot be compared.
        ('last_after_is_wallet', w.number = w.operation_number
             and (w.balance, w.frozen_balance) <> (w.last_balance, w.last_frozen),
         format('balance %s, frozen %s', w.last_balance, w.last_frozen),
         format('balance %s, frozen %s', w.balance, w.frozen_balance)),
        ('frozen_is_open_holds', w.frozen_balance <> w.held, format('frozen %s', w.held),
         format('frozen %s', w.frozen_balance)),
        ('events_within_event_seq', w.seq > w.event_seq, format('no event after %s', w.event_seq),
         format('event %s', w.seq)),
        -- The oldest may be gone, and all of them.
        ('events_without_gap', w.seq <= w.event_seq and w.events <> w.event_seq - w.first_seq + 1,
         format('events %s to %s', w.first_seq, w.event_seq),
         case when w.seq <= w.event_seq and w.events <> w.event_seq - w.first_seq + 1 then
              format('%s of them, without event %s', w.events,
                     (select min(e.seq) + 1 from events e where e.user_id = w.id and not exists (
                        select from events n where n.user_id = w.id and n.seq = e.seq + 1))) end)
      ) f (rule, is_fault, expected, found)
     where f.is_fault
    union all
    select r.user_id, 'rental_frozen_is_its_holds', format('rental %s, %s', r.id, r.status),
           format('frozen %s', coalesce(h.amount, 0.00)), format('frozen %s', r.frozen_amount)
      from rentals r
      left join (select rental_id, sum(amount) as amount from wallet_holds
                  where state = 'held' and rental_id is not null and user_id between $1 and $2
                  group by rental_id) h on h.rental_id = r.id
     where r.user_id between $1 and $2 and r.frozen_amount <> coalesce(h.amount, 0)
    union all
    -- Both ways: a funding's hold, and the funding of an open hold for one.
    select coalesce(f.user_id, h.user_id), 'funding_frozen_is_its_hold',
           format('funding %s, %s', coalesce(f.id, h.funding_id), coalesce(f.status, 'none')),
           format('frozen %s', coalesce(h.amount, 0.00)), format('frozen %s', coalesce(f.frozen_amount, 0.00))
      from (select * from card_fundings where user_id between $1 and $2) f
      full join (select funding_id, user_id, sum(amount) as amount from wallet_holds
                  where state = 'held' and funding_id is not null and user_id between $1 and $2
                  group by funding_id, user_id) h on h.funding_id = f.id and h.user_id = f.user_id
     where coalesce(f.frozen_amount, 0) <> coalesce(h.amount, 0)
    union all
    select o.user_id, 'user_exists', 'operations', 'a user', format('none, operations up to %s', o.number)
      from operations o where o.is_last and not exists (select from wallets where id = o.user_id)
    union all
    select e.user_id, 'user_exists', 'events', 'a user', format('none, events up to %s', e.seq)
      from heads e where not exists (select from wallets where id = e.user_id)
)
select (select count(*) from wallets) as users,
       (select coalesce(sum(balance), 0.00) from wallets) as balance,
       o.operations, o.deposited, o.adjusted, o.committed,
       (select coalesce(sum(balance_difference), 0.00) from judged_operations
         where is_acknowledged and not chains) as unexplained,
       (select count(*) from judged_holds where is_there) as holds,
       (select coalesce(jsonb_object_agg(rule, faults), '{}') from (
            select rule, count(*) as faults from faults group by rule) by_rule) as faults,
       (select coalesce(jsonb_agg(to_jsonb(f)), '[]') from (
            select * from faults order by rule in ('acknowledged', 'correction'), user_id limit $3) f) as shown
  from (select count(*) as operations,
               coalesce(sum(amount) filter (where type = 'deposit'), 0.00) as deposited,
               coalesce(sum(amount) filter (where type = 'adjust'), 0.00) as adjusted,
               coalesce(sum(amount) filter (where type = 'commit'), 0.00) as committed
          from operations) o
