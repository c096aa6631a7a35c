"""What every gateway process has open, asked of all of them when an operator looks; nothing of it is kept anywhere.

Who asks sends a NOTIFY on ASKED, each process answers with one on ANSWERED, over the connection that hears of
revocations. So an operator's own gateway, which users do not reach, can tell who is connected elsewhere. A process that
does not answer in time is missing from the answers: they are for people, nothing is decided by them. Tokens' ids are
told, never tokens.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from prometheus_client import REGISTRY

from gateway.auth import Authenticator, Session
from gateway.realtime.counted import TRANSPORTS
from gateway.realtime.messages import iso_utc
from gateway.realtime.permits import Permits
from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Pool

log = structlog.get_logger()

ASKED, ANSWERED = "onesms_roll_call", "onesms_roll_answers"
WAIT_S = 0.8
KNOWN_S = 10.0
"""For so long those that answered are taken for all there are, and no longer waited for than they take."""
SESSIONS_BYTES_MAX = 6_000
"""A NOTIFY carries less than 8,000."""
ANSWERING_MAX = 8
DELIVERY = "onesms_delivery_delay_seconds"


@dataclass(frozen=True, slots=True)
class Roll:
    """One process's answer. Counts and sums are from its start; sessions are those of the user asked about."""

    name: str
    """Its machine and process id."""
    connections: dict[str, int]
    """By transport."""
    users: int
    delivery_s_sum: float
    delivery_count: int
    sessions: list[dict[str, Any]]
    """`{"token_id", "role", "issued_at", "expires_at", "connections": {transport: count}}`."""
    sessions_left_out: int


class RollCall:
    """One process's end of it."""

    def __init__(self, pool: Pool, permits: Permits, authenticator: Authenticator) -> None:
        self._pool = pool
        self._permits = permits
        self._authenticator = authenticator
        self._id = secrets.token_hex(8)
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._calls: dict[str, dict[str, Roll]] = {}
        self._known: set[str] = set()
        self._known_at = float("-inf")
        self._came_in = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def call(self, user_id: UUID | None = None) -> list[Roll]:
        """Every process that answers in time, this one first. Raises DATABASE_FAULTS."""
        call_id = secrets.token_hex(8)
        rolls = self._calls[call_id] = {}
        asked = {"id": call_id, "from": self._id, "user_id": str(user_id) if user_id else None}
        try:
            await self._pool.execute("select pg_notify($1, $2)", ASKED, orjson.dumps(asked).decode())
            are_known = time.monotonic() - self._known_at < KNOWN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_S), self._came_in:
                    await self._came_in.wait_for(lambda: are_known and self._known <= rolls.keys())
            if not are_known:
                self._known, self._known_at = set(rolls), time.monotonic()
        finally:
            del self._calls[call_id]
        return [self._own(user_id), *rolls.values()]

    def hear(self, _connection: Any, _pid: int, channel: str, text: object) -> None:
        """A NOTIFY on one of the two channels."""
        try:
            said = orjson.loads(str(text))
            if said["from"] == self._id:
                return
            if channel == ASKED:
                self._soon(self._answer(said["id"], UUID(said["user_id"]) if said["user_id"] else None))
                return
            self._known.add(said["from"])  # late as well: the next call waits for it
            if (rolls := self._calls.get(said["id"])) is not None:
                rolls[said["from"]] = Roll(**said["roll"])
                self._soon(self._tell_came_in())
        except (ValueError, KeyError, TypeError):
            log.warning("roll_call.unreadable", channel=channel)

    def _soon(self, doing: Any) -> None:
        if len(self._tasks) >= ANSWERING_MAX:
            doing.close()
            return
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_came_in(self) -> None:
        async with self._came_in:
            self._came_in.notify_all()

    async def _answer(self, call_id: str, user_id: UUID | None) -> None:
        roll = self._own(user_id)
        answer = {"id": call_id, "from": self._id, "roll": roll}
        try:
            await self._pool.execute("select pg_notify($1, $2)", ANSWERED, orjson.dumps(answer).decode())
        except DATABASE_FAULTS as error:
            log.warning("roll call not answered", error=str(error) or type(error).__name__)

    def _own(self, user_id: UUID | None) -> Roll:
        sessions = self._sessions(user_id) if user_id else []
        shown = _within(sessions, SESSIONS_BYTES_MAX)
        return Roll(
            name=self._name,
            connections={name: int(_sample("onesms_connections", transport=name)) for name in TRANSPORTS},
            users=self._permits.users,
            delivery_s_sum=round(_sample(f"{DELIVERY}_sum"), 6),
            delivery_count=int(_sample(f"{DELIVERY}_count")),
            sessions=shown,
            sessions_left_out=len(sessions) - len(shown),
        )

    def _sessions(self, user_id: UUID) -> list[dict[str, Any]]:
        """Of the user, the newest first: what connections stand on, and tokens seen lately that count still."""
        permits = self._permits.of(user_id)
        known: dict[str, Session] = {each.token_id: each for each in self._authenticator.seen_of(user_id)}
        known |= {permit.session.token_id: permit.session for permit in permits}
        counts: dict[str, dict[str, int]] = {token_id: {} for token_id in known}
        for permit in permits:
            of_token = counts[permit.session.token_id]
            of_token[permit.transport] = of_token.get(permit.transport, 0) + 1
        newest_first = sorted(known.values(), key=lambda session: session.issued_at, reverse=True)
        return [
            {
                "token_id": session.token_id,
                "role": session.role,
                "issued_at": iso_utc(session.issued_at) if session.issued_at else None,
                "expires_at": iso_utc(session.expires_at),
                "connections": counts[session.token_id],
            }
            for session in newest_first
        ]


def merged_sessions(rolls: Iterable[Roll]) -> list[dict[str, Any]]:
    """Each token once, with its connections of all processes. Pure."""
    merged: dict[str, dict[str, Any]] = {}
    for session in (session for roll in rolls for session in roll.sessions):
        known = merged.setdefault(session["token_id"], {**session, "connections": {}})
        for transport, count in session["connections"].items():
            known["connections"][transport] = known["connections"].get(transport, 0) + count
    return sorted(merged.values(), key=lambda each: each["issued_at"] or "", reverse=True)


def _within(sessions: list[dict[str, Any]], bytes_max: int) -> list[dict[str, Any]]:
    """The first of them, as many as fit."""
    size, shown = 0, []
    for session in sessions:
        size += len(orjson.dumps(session)) + 1
        if size > bytes_max:
            break
        shown.append(session)
    return shown


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
