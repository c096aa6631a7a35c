"""The follower's statements on `events`, on a session of its own. Each read is one statement, so one snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import asyncpg

from notifier.event import BATCH_BYTES_MAX, Event
from notifier.missing import Ranges
from wallet_db.connect import connect

if TYPE_CHECKING:
    Session: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Session = asyncpg.Connection

DOORBELL = "onesms_events"
"""Where writers ring, each with its event: the channel of the bus within the database."""
AWAKE = (20307, 1)
"""Advisory lock: somebody is looking at `events`, no bell needs to be rung. See `ring_doorbell`."""
LEADER = (20307, 2)
"""Advisory lock: of all followers, this one publishes."""
BARE_BELL = (20307, 4)
"""Advisory lock: the follower serves a bus outside the database, and the bell is to carry nothing."""
HUNG_S = 3.0
"""A leader that says nothing for so much longer than it means to hangs."""

# Each range through the index by itself, with the snapshot's xmin even if there are no rows. The previous event's id is
# asked for only when it matters, for it costs another look into the index.
_READ = """
select snapshot.xmin, e.id, e.user_id::text, e.seq, e.type, iso_utc(e.at), e.payload::text,
       case when $4 then (select p.id from events p where p.user_id = e.user_id and p.seq = e.seq - 1) end
  from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin) snapshot
  left join (select found.*
               from unnest($1::bigint[], $2::bigint[]) as wanted (first_id, last_id)
              cross join lateral (select * from events where id between wanted.first_id and wanted.last_id
                                   order by id limit $3) found
              order by found.id limit $3) e on true
 order by e.id
"""

# The same events, made into batches and sent: nothing of them leaves the server but to those who listen. A new batch
# begins wherever the lines so far have filled another $5 bytes; as no line is longer than that, no batch is twice as
# long. Without a channel nothing is made. With $6 it counts who waits for the lock under which NOTIFYs commit, and how
# full their queue is; asking that also frees what everybody has read, which otherwise waits for the next who sends.
_LOOK = r"""
with found as materialized (
    select found.*
      from unnest($1::bigint[], $2::bigint[]) as wanted (first_id, last_id)
     cross join lateral (select e.id, e.at, e.type = 'balance.changed' as moves_money,
                                case when e.type = 'balance.changed' then e.payload ->> 'operation' end as operation,
                                case when $4::text is not null then event_line(e) end as line
                           from events e where e.id between wanted.first_id and wanted.last_id
                          order by e.id limit $3) found
     order by found.id limit $3
), placed as (
    select id, line, (sum(octet_length(line) + 1) over (order by id rows unbounded preceding)
                      - octet_length(line) - 1) / $5 as place
      from found where line is not null
), batches as (
    select string_agg(line, E'\n' order by id) as batch from placed group by place order by place
)
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       array(select id from found order by id),
       (select extract(epoch from clock_timestamp() - at)::float8 from found order by id limit 1),
       array(select operation from found where moves_money),
       (select count(pg_notify($4, batch)) from batches),
       case when $6 then (select count(*) from pg_locks
                           where locktype = 'object' and classid = 'pg_database'::regclass and objid = 0
                             and not granted) end,
       case when $6 then pg_notification_queue_usage() end
"""

# Where to begin: some events back in any case, further back as long as they are young, but not without end.
_LOOKBACK = """
select coalesce(least(max(id) - $1, (select min(young.id) - 1
                                       from (select id, at from events order by id desc limit $3) young
                                      where young.at > now() - make_interval(secs => $2))), 0)
  from events
"""


class Look(NamedTuple):
    """One look at the outbox."""

    xmin: int
    """Every transaction below this id had ended, and is seen, if it was committed."""
    ids: list[int]
    complete: bool
    """False: there may be more, above the last of `ids`."""
    age_s: float | None = None
    """Since the transaction of the first of them began; None if there are none."""
    operations: Sequence[str | None] = ()
    """What moved money: a type of `balance_operations` each, None if an event does not say."""
    waiting: int = 0
    """Sessions that waited to commit a NOTIFY, if that was asked for,"""
    queue_used: float = 0.0
    """and the used part of the server's queue of NOTIFYs, from 0 to 1."""


class Read(NamedTuple):
    """A look, and what was seen."""

    look: Look
    events: list[Event]
    previous_ids: list[int | None]
    """For each event the id of the same user's event before it, if that was asked for and exists."""


@asynccontextmanager
async def open_session(url: str, name: str, role: str) -> AsyncIterator[Session]:
    """A connection of one's own, acting as `role`.

    If its process or machine vanishes, or over TCP leaves an answer unread, the server gives its locks back within
    seconds.
    """
    session = await connect(url, name, role=role)
    try:
        await session.execute(
            "set synchronous_commit = off; set idle_session_timeout = 0;"
            "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;"
            "set tcp_user_timeout = '10s'"
        )
        yield session
    finally:
        session.terminate()


async def end_if_silent(session: Session, longest_s: float) -> None:
    """From now on the server ends the session, and gives its locks back, when nothing is asked for so long.

    A process that hangs keeps its connection, for its kernel answers keepalives. A statement that runs, or waits for a
    lock, is no silence.
    """
    await session.execute("select set_config('idle_session_timeout', $1, false)", f"{ceil(longest_s * 1000)}ms")


async def read_outbox(session: Session, ranges: Ranges, *, events_max: int, with_previous: bool = False) -> Read:
    """Up to `events_max` events with ids in the ranges, in the order of ids: so in the order of seq for each user."""
    rows = await session.fetch(_READ, ranges.firsts, ranges.lasts, events_max, with_previous)
    found = [row for row in rows if row[1] is not None]
    return Read(
        look=Look(rows[0][0], [row[1] for row in found], len(found) < events_max),
        events=[Event(row[2], row[3], row[4], row[5], row[6]) for row in found],
        previous_ids=[row[7] for row in found] if with_previous else [],
    )


async def look_at_outbox(
    session: Session, ranges: Ranges, *, channel: str | None, events_max: int, with_bells: bool = False
) -> Look:
    """Send up to `events_max` events with ids in the ranges to all who listen on the channel, in the order of ids.

    In one statement, which reads in one snapshot and sends as it commits: all or nothing. Without a channel it only
    looks. with_bells: also at what writers' own NOTIFYs meet. Raises asyncpg.ProgramLimitExceededError if their queue
    is full: somebody listens and does not read.
    """
    [row] = await session.fetch(
        _LOOK, ranges.firsts, ranges.lasts, events_max, channel, BATCH_BYTES_MAX // 2, with_bells
    )
    return Look(row[0], row[1], len(row[1]) < events_max, row[2], row[3], row[5] or 0, row[6] or 0.0)


async def starting_id(session: Session, *, events_min: int, age_s: float, events_max: int) -> int:
    """The id to begin after, so that what is newest is read again: at least `events_min` events' worth of ids.

    And all that began in the last `age_s` seconds, unless that is more than `events_max`.
    """
    position: int = await session.fetchval(_LOOKBACK, events_min, age_s, events_max)
    return max(position, 0)


async def read_epoch(session: Session) -> str:
    """The name of this history of events; another one means that ids may have begun anew."""
    epoch: str = await session.fetchval("select value #>> '{}' from settings where key = 'events_epoch'")
    return epoch


async def take_horizon(session: Session) -> int:
    """A transaction id above all that were assigned before this call.

    It has to be a fresh one: the xmax of a snapshot is only one above the latest that has *ended*, and a transaction
    that is running may have a higher id.
    """
    horizon: int = await session.fetchval("select pg_current_xact_id()::text::bigint")
    return horizon


async def try_lock(session: Session, lock: tuple[int, int]) -> bool:
    """Take the advisory lock for this session unless another has it. Never waits: a wait would hold a snapshot."""
    taken: bool = await session.fetchval("select pg_try_advisory_lock($1::int, $2::int)", *lock)
    return taken


async def unlock(session: Session, lock: tuple[int, int]) -> None:
    """Give the lock back."""
    await session.execute("select pg_advisory_unlock($1::int, $2::int)", *lock)


async def try_share(session: Session, lock: tuple[int, int]) -> bool:
    """Share the lock, so that nobody can take it alone, unless somebody has."""
    taken: bool = await session.fetchval("select pg_try_advisory_lock_shared($1::int, $2::int)", *lock)
    return taken


async def unshare(session: Session, lock: tuple[int, int]) -> None:
    """Give the shared lock back."""
    await session.execute("select pg_advisory_unlock_shared($1::int, $2::int)", *lock)


async def free_queue(session: Session) -> None:
    """Have the server forget NOTIFYs that everybody has read."""
    await session.execute("select pg_notification_queue_usage()")
