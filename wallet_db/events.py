"""Reading the outbox: what a user's stream holds after a position, where the streams' heads are, and the epoch.

Rows come as the database keeps them: payload as JSON text, times as text. Nothing here knows cursors or transports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from wallet_db.connect import Pool

OPERATORS = "00000000-0000-4000-8000-6f7065726174"
"""The user whose stream is the operators': alerts come there."""


class StoredEvent(NamedTuple):
    """One row of `events`."""

    user_id: str
    seq: int
    type: str
    at: str
    """UTC, ISO 8601 with milliseconds and Z."""
    payload: str
    """A JSON object as text."""


class Snapshot(NamedTuple):
    """What a user has, and how far the stream of events had come then."""

    seq: int
    state: str
    """`{"wallet", "activations", "rentals", "cards"}` as JSON text."""


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Part of one user's stream: events after the position asked for, in order, and the head of the stream."""

    head: int
    """seq of the newest event of the stream, 0 for none, in the same snapshot as the events."""
    events: tuple[StoredEvent, ...]


async def read_streams(pool: Pool, positions: Sequence[tuple[str, int]], *, events_max: int) -> dict[str, StreamPage]:
    """For each (user id, seq): up to `events_max` events after seq. One query, one snapshot for all.

    A user that does not exist has no entry in the answer.
    """
    rows = await pool.fetch(
        "select p.user_id::text, u.event_seq, e.seq, e.type, iso_utc(e.at), e.payload::text"
        "  from unnest($1::uuid[], $2::bigint[]) as p(user_id, seq)"
        "  join users u on u.id = p.user_id"
        "  left join lateral ("
        "    select * from events where user_id = p.user_id and seq > p.seq order by seq limit $3) e on true"
        " order by p.user_id, e.seq",
        [user_id for user_id, _ in positions],
        [seq for _, seq in positions],
        events_max,
    )
    pages: dict[str, tuple[int, list[StoredEvent]]] = {}
    for user_id, head, seq, kind, at, payload in rows:
        _, events = pages.setdefault(user_id, (head, []))
        if seq is not None:
            events.append(StoredEvent(user_id, seq, kind, at, payload))
    return {user_id: StreamPage(head, tuple(events)) for user_id, (head, events) in pages.items()}


async def read_heads(pool: Pool, user_ids: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The epoch, and each user's newest seq, in one snapshot."""
    rows = await pool.fetch(
        "select s.value #>> '{}' as epoch, u.id::text, u.event_seq"
        "  from settings s left join users u on u.id = any($1::uuid[]) where s.key = 'events_epoch'",
        user_ids,
    )
    return rows[0]["epoch"], {row["id"]: row["event_seq"] for row in rows if row["id"] is not None}


async def read_epoch(pool: Pool) -> str:
    """The name of this history of events; changes when history is rewritten."""
    epoch, _ = await read_heads(pool, [])
    return epoch


async def read_snapshots(pool: Pool, user_ids: Sequence[str]) -> dict[str, Snapshot]:
    """The users' snapshots, all of one snapshot of the database. A user that does not exist has none."""
    rows = await pool.fetch(
        "with found as materialized ("
        "  select id, snapshot_json(id) as snapshot from unnest($1::uuid[]) as asked(id))"
        " select id::text, (snapshot ->> 'seq')::bigint, (snapshot - 'seq')::text"
        "  from found where snapshot is not null",
        user_ids,
    )
    return {user_id: Snapshot(seq, state) for user_id, seq, state in rows}


async def record_receipt(pool: Pool, user_id: str, seq: int, transport: Literal["ws", "http"]) -> bool:
    """The user's client has shown the event. Kept once, for longer than the event; False: there is no such event.

    So the receipt itself says of what type the event was, and of which order.
    """
    found: bool = await pool.fetchval(
        "with event as ("
        "  select user_id, seq, type, coalesce(payload ->> 'activation_id', payload ->> 'rental_id', case"
        "         when type like 'activation.%' or type like 'rental.%' then payload ->> 'id' end)::uuid as order_id"
        "    from events where user_id = $1::text::uuid and seq = $2),"
        " receipt as (insert into receipts (user_id, seq, transport, type, order_id)"
        " select user_id, seq, $3, type, order_id from event"
        " on conflict (user_id, seq) do nothing)"
        " select exists (select from event)",
        user_id,
        seq,
        transport,
    )
    return found
