"""What other processes know of tokens: revocations and renewals, heard over one connection to the database.

Revocations are rows, and the NOTIFY only says that there are new ones. Lost hints are made up for by a reading every
`SWEEP_S`; a connection that was lost reads everything again. While the database is away, what was known stays known. A
renewal is a hint and nothing else: who misses it closes the connection when the old token expires, and its client
comes back with the new one.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog

from gateway.auth import Session
from gateway.realtime.permits import Permits
from notifier.retry import DATABASE_FAULTS, Backoff
from wallet_db.connect import Connection, Pool, connect
from wallet_db.revocations import BEGINNING, CHANNEL, forget_revocations, read_revocations
from wallet_db.roles import GATEWAY
from wallet_db.tickets import forget_tickets

log = structlog.get_logger()

RENEWALS = "onesms_renewals"
SWEEP_S = 5.0
READ_TIMEOUT_S = 5.0
"""A revocation whose hint was lost counts after at most the two together."""
FORGET_EVERY_S = 3_600.0
Hear = Callable[[Any, int, str, object], None]
"""As asyncpg calls it: connection, process id, channel, payload."""


class AuthListener:
    """Keeps one process's permits, and what it knows to be revoked, up to date."""

    def __init__(
        self, database_url: str, permits: Permits, lifetime_s_max: int, *, also: Mapping[str, Hear] | None = None
    ) -> None:
        """also: further channels that this connection hears, and who is told of them."""
        self._database_url = database_url
        self._permits = permits
        self._lifetime_s_max = lifetime_s_max
        self._also = also or {}
        self._horizon = BEGINNING
        self._forgot_at = 0.0
        self._rung = asyncio.Event()

    async def read(self, connection: Connection | Pool) -> None:
        """Take in what was revoked since the last reading. Before the first, no token may be let in."""
        revocations, self._horizon = await read_revocations(connection, self._horizon)
        if self._permits.revoked.learn(revocations):
            self._permits.enforce()

    async def run(self) -> None:
        """Listen until cancelled; reconnects by itself."""
        backoff = Backoff()
        while True:
            try:
                await self._listen(backoff)
            except DATABASE_FAULTS as error:
                if backoff.is_first:
                    log.warning("auth.lost", error=str(error) or type(error).__name__)
            await asyncio.sleep(backoff.next_s())

    async def _listen(self, backoff: Backoff) -> None:
        connection = await connect(self._database_url, "auth-listen", role=GATEWAY)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._rung.set())
            await connection.add_listener(RENEWALS, self._hear_renewal)
            for channel, hear in self._also.items():
                await connection.add_listener(channel, hear)
            connection.add_termination_listener(lambda _: self._rung.set())
            self._horizon = BEGINNING  # it may be another database: one restored from a backup counts from less
            log.info("auth.listening")
            while True:
                self._rung.clear()
                # The first reading is of everything, and has the driver's time.
                async with asyncio.timeout(None if self._horizon == BEGINNING else READ_TIMEOUT_S):
                    await self.read(connection)
                    await self._forget(connection)
                backoff.reset()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP_S):
                        await self._rung.wait()
        finally:
            connection.terminate()

    async def _forget(self, connection: Connection) -> None:
        now = time.time()
        if now - self._forgot_at >= FORGET_EVERY_S:
            self._forgot_at = now
            self._permits.revoked.forget(now - self._lifetime_s_max)
            await forget_revocations(connection, timedelta(seconds=self._lifetime_s_max))
            await forget_tickets(connection)

    def _hear_renewal(self, _connection: Any, _pid: int, _channel: str, text: object) -> None:
        try:
            said = orjson.loads(str(text))
            session = Session(UUID(said["user_id"]), said["role"], said["expires_at"], said["issued_at"], said["id"])
            self._permits.renew(said["old_id"], session)
        except (ValueError, KeyError, TypeError):
            log.warning("auth.unreadable")


async def announce_renewal(pool: Pool, token_id: str, session: Session) -> None:
    """Let every process move what stands on the token with this id to the session. No token is in the message."""
    renewal = {
        "old_id": token_id,
        "user_id": str(session.user_id),
        "role": session.role,
        "expires_at": session.expires_at,
        "issued_at": session.issued_at,
        "id": session.token_id,
    }
    await pool.execute("select pg_notify($1, $2)", RENEWALS, orjson.dumps(renewal).decode())
