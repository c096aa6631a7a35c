"""A card as it is now, or was within the last minutes: looked at upstream once for all who ask.

The row is the cache, so every gateway has the same one, and it holds what the row holds: no number, no security code.
Fresh is what the provider said less than `kept_s` ago, with no look asked for since: webhooks and whatever is done to
the card ask for one. Who needs a fresher one waits for the same look as all others of this process; among processes the
database lets one of them ask (`ask_card_refresh`), by what it knows under the row's lock. A look that takes longer than
`wait_s` is not waited for; it goes on, and its outcome is an event.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from prometheus_client import Counter

from wallet_db.cards import OwnedCard, ask_card_refresh, read_card
from wallet_db.connect import Pool

Watch: TypeAlias = Callable[[str, Callable[[], None]], Callable[[], None]]
"""As the hub has it: call this on any event of the user, until the function it returns is called."""

LOOK_AGAIN_S = 1.0
"""Events are hints and may be lost: the row is read this often at the latest."""

READ = Counter("onesms_card_reads", "Reads of a card's details, by where they came from.", ["outcome"])
"""outcome: kept (fresh in the row), asked (this one had it looked at), joined (waited for another's look), late (the
look took too long, and what is told is older)."""
for _outcome in ("kept", "asked", "joined", "late"):  # a rate needs the zero before the first
    READ.labels(_outcome)


class Looks:
    """The looks of one process that are under way."""

    def __init__(self, pool: Pool, watch: Watch, *, kept_s: float, wait_s: float) -> None:
        self._pool = pool
        self._watch = watch
        self._kept = timedelta(seconds=kept_s)
        self._wait_s = wait_s
        self._under_way: dict[UUID, asyncio.Task[OwnedCard]] = {}

    async def fresh(self, card: OwnedCard) -> tuple[OwnedCard, bool]:
        """The card, and whether it is fresh. Raises what the database raises."""
        since = self._since()
        if _is_fresh(card, since):
            READ.labels("kept").inc()
            return card, True
        look = self._under_way.get(card.id)
        READ.labels("asked" if look is None else "joined").inc()
        if look is None:
            look = self._under_way[card.id] = asyncio.create_task(self._look(card))
            look.add_done_callback(lambda _: self._under_way.pop(card.id, None))
        found = await asyncio.shield(look)
        is_fresh = _is_fresh(found, since)
        if not is_fresh:
            READ.labels("late").inc()
        return found, is_fresh

    async def _look(self, card: OwnedCard) -> OwnedCard:
        wake, since = asyncio.Event(), self._since()
        unwatch = self._watch(str(card.user_id), wake.set)  # before what is waited for can happen
        try:
            await ask_card_refresh(self._pool, card.id, unless_since=since)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    while not _is_fresh(card := await self._read(card), since):
                        with suppress(TimeoutError):
                            async with asyncio.timeout(LOOK_AGAIN_S):
                                await wake.wait()
                        wake.clear()
        finally:
            unwatch()
        return card

    async def _read(self, card: OwnedCard) -> OwnedCard:
        return await read_card(self._pool, card.id, user_id=None) or card

    def _since(self) -> datetime:
        return datetime.now(UTC) - self._kept


def _is_fresh(card: OwnedCard, since: datetime) -> bool:
    """Whether it may be told as it stands. A card that is not issued yet, or has ended, changes by events only."""
    if card.shown["closed_at"] is not None or card.shown["status"] == "pending_activation":
        return True
    return card.refresh_asked_at is None and card.checked_at is not None and card.checked_at >= since
