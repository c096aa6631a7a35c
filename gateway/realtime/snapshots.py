"""Snapshots for many users who ask at once: who asks while queries run shares the next one.

So ten thousand clients that come back after a restored backup cost some fifty queries. A query begins after each of its
askers has asked, so nobody gets what was read before they listened.
"""

import asyncio

from notifier.reader import CROWD, GATHER_S
from wallet_db.connect import Pool
from wallet_db.events import Snapshot, read_snapshots

USERS_PER_QUERY_MAX = 200
QUERIES_MAX = 2
"""At a time: they are to leave connections to the rest of the process."""


class Snapshots:
    """Reads them; holds nothing between two askings."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turn = asyncio.Semaphore(QUERIES_MAX)
        self._next: set[str] = set()
        """Who shares the query that has not begun yet."""
        self._query: asyncio.Task[dict[str, Snapshot]] | None = None
        self._crowded = False
        """The query before was for many: more will ask in a moment."""
        self._queries: set[asyncio.Task[dict[str, Snapshot]]] = set()

    async def read(self, user_id: str) -> Snapshot | None:
        """The user's; None: there is no such user. Raises what the database raises."""
        if self._query is None or len(self._next) >= USERS_PER_QUERY_MAX:
            self._next = set()
            self._query = asyncio.create_task(self._read(self._next))
            self._queries.add(self._query)
            self._query.add_done_callback(self._done)
        self._next.add(user_id)
        found = await asyncio.shield(self._query)  # others may wait for it, too
        return found.get(user_id)

    def _done(self, query: asyncio.Task[dict[str, Snapshot]]) -> None:
        self._queries.discard(query)
        if not query.cancelled():
            query.exception()  # whoever asked may be gone: then it is no complaint of the loop's

    async def _read(self, users: set[str]) -> dict[str, Snapshot]:
        async with self._turn:
            if self._crowded:
                await asyncio.sleep(GATHER_S)
            self._crowded = len(users) > CROWD
            if users is self._next:
                self._query = None
            return await read_snapshots(self._pool, list(users))
