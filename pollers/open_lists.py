"""An account's list of open orders, read once for all who want it.

Many orders in doubt at once, as after a crash, would else read a list of many pages each, and leave the account no turn
for anything else.

    nobody reads         read now
    one is being read    read when that one has ended, for all who ask until then

Invariant: who asks is given a list whose reading began after they asked, and as far back as they want: what is not on
it was not open at the provider at some moment since. One who reads and is cut off leaves the reading to the others;
what the provider refuses is refused to all. Nothing is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pollers.providers.contract import ActiveOrder, ProviderError

Read: TypeAlias = Callable[[datetime], Awaitable[list[ActiveOrder]]]
"""As `Provider.active`, which raises ProviderError."""


@dataclass(slots=True)
class _Reading:
    """One that has not begun yet, or is under way. since: the earliest that is wanted. read: None if it was cut off."""

    since: datetime
    read: "asyncio.Future[list[ActiveOrder] | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(slots=True)
class _Turn:
    """One account's readings: one after the other, and the one that is joined."""

    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    following: _Reading | None = None


class OpenLists:
    """Those of some accounts, by the provider's name."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    async def read(self, name: str, since: datetime, read: Read) -> list[ActiveOrder]:
        """The open orders back to `since`, and maybe older ones. Raises ProviderError."""
        turn = self._turns.setdefault(name, _Turn())
        while True:
            if (joined := turn.following) is None:
                return await self._lead(turn, since, read)
            joined.since = min(joined.since, since)
            # Shielded: who is cut off while waiting takes nothing from the others.
            if (orders := await asyncio.shield(joined.read)) is not None:
                return orders

    async def _lead(self, turn: _Turn, since: datetime, read: Read) -> list[ActiveOrder]:
        mine = turn.following = _Reading(since)
        try:
            async with turn.reading:
                turn.following = None
                orders = await read(mine.since)
        except ProviderError as fault:
            mine.read.set_exception(fault)
            mine.read.exception()  # if nobody waits for it, nobody misses it
            raise
        except BaseException:
            mine.read.set_result(None)
            raise
        else:
            mine.read.set_result(orders)
            return orders
        finally:
            if turn.following is mine:
                turn.following = None
