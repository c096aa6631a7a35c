"""Reading users' streams for many askers at once: what is asked for while one query runs goes into the next.

So a thousand clients that come back together cost a few queries, not a thousand. Rows in a query are bounded: the more
users share it, the shorter the page each of them gets. A database that fails is asked again until it answers, and the
askers wait.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeAlias

import structlog

from notifier.retry import DATABASE_FAULTS, Backoff
from wallet_db.events import StreamPage

log = structlog.get_logger(__name__)

USERS_PER_QUERY_MAX = 1000
ROWS_PER_QUERY_MAX = 20_000
CROWD = 4
GATHER_S = 0.01
"""After a query for more than `CROWD`, the next one waits so long for others: in a rush they come by the thousand, each
a moment after the one before, and queries of a few would be no coalescing."""

Answer: TypeAlias = "asyncio.Future[StreamPage | None]"


class ReadStreams(Protocol):
    """`wallet_db.events.read_streams` bound to a pool."""

    def __call__(self, positions: Sequence[tuple[str, int]], *, events_max: int) -> Awaitable[dict[str, StreamPage]]:
        """For each (user id, seq): up to `events_max` events after seq, all in one snapshot."""


class StreamReader:
    """One query at a time, for whoever asked before it began."""

    def __init__(self, read_streams: ReadStreams, *, page_events_max: int = 500) -> None:
        self._read_streams = read_streams
        self._page_events_max = page_events_max
        self._asked: dict[tuple[str, int], list[Answer]] = {}
        self._wake = asyncio.Event()

    def request(self, user_id: str, after: int) -> Answer:
        """Ask for a page of the user's events after seq `after`; None is the answer for a user that does not exist.

        The query begins after this call, so it sees all that was committed before it.
        """
        answer: Answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault((user_id, after), []).append(answer)
        self._wake.set()
        return answer

    async def run(self) -> None:
        """Answer until cancelled; what is then unanswered is cancelled too."""
        asked: dict[tuple[str, int], list[Answer]] = {}
        try:
            while True:
                await self._wake.wait()
                if len(asked) > CROWD:
                    await asyncio.sleep(GATHER_S)
                asked = self._take()
                pages = await self._query(list(asked))
                for (user_id, _), answers in asked.items():
                    for answer in answers:
                        if not answer.done():
                            answer.set_result(pages.get(user_id))
        finally:
            for answers in (*asked.values(), *self._asked.values()):
                for answer in answers:
                    answer.cancel()
            self._asked.clear()

    def _take(self) -> dict[tuple[str, int], list[Answer]]:
        """Remove from what was asked for as much as goes into one query: a user has one position in it."""
        taken: dict[tuple[str, int], list[Answer]] = {}
        users: set[str] = set()
        left: dict[tuple[str, int], list[Answer]] = {}
        for position, answers in self._asked.items():
            waiting = [answer for answer in answers if not answer.done()]
            if not waiting:
                continue
            if position[0] in users or len(users) >= USERS_PER_QUERY_MAX:
                left[position] = waiting
            else:
                users.add(position[0])
                taken[position] = waiting
        self._asked = left
        if not left:
            self._wake.clear()
        return taken

    async def _query(self, positions: Sequence[tuple[str, int]]) -> dict[str, StreamPage]:
        if not positions:
            return {}
        events_max = max(1, min(self._page_events_max, ROWS_PER_QUERY_MAX // len(positions)))
        backoff = Backoff()
        while True:
            try:
                pages = await self._read_streams(positions, events_max=events_max)
            except DATABASE_FAULTS as error:
                if backoff.is_first:
                    log.warning("hub.read_failed", users=len(positions), error=str(error) or type(error).__name__)
                await asyncio.sleep(backoff.next_s())
            else:
                if not backoff.is_first:
                    log.info("hub.reads_again", users=len(positions))
                return pages
