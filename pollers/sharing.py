"""One provider's account, several poller processes: each takes its part of the rate, and all know what one was told.

    alone          all of the rate is its own
    one more       it has nothing until the others have heard of it, within EVERY_S, and take less
    one leaves     the others have its part within EVERY_S
    one dies       when its lease is over

Invariant: the parts that are written down make one at most, and so do those in use, but for the rest of a lease after
an answer that made a part smaller was lost: who waits for it goes on with the old one. A part is lent until the lease
ends by the process's own clock, counted from before it asked: so one that hangs, or has lost the database, stops asking
the provider before the others take over its part. What a provider told one process to leave alone the others leave
alone within EVERY_S.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.calls import Calls
from pollers.rests import Rest, Scope
from wallet_db import sharing
from wallet_db.connect import Pool

log = structlog.get_logger()

LEASE = timedelta(seconds=5)
EVERY_S = 1.0
JOIN_EVERY_S = 0.2


class Sharing:
    """This process's parts of these accounts, by the provider's name."""

    def __init__(self, pool: Pool, accounts: Mapping[str, Calls[Any]], *, lease: timedelta = LEASE) -> None:
        self._pool = pool
        self._accounts = accounts
        self._lease = lease
        self.process: UUID = uuid4()

    async def join(self) -> None:
        """Return when there is a part of each account to work with. Raises what a lost database raises."""
        for account in self._accounts.values():
            account.lend(0.0, 0.0)
        waits = False
        while not await self.renew():
            if not waits:
                log.info("waiting for a part of the accounts")
                waits = True
            await asyncio.sleep(JOIN_EVERY_S)

    async def run(self) -> None:
        """Renew, until cancelled; then give the parts back."""
        is_faulty = False
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                try:
                    await self.renew()
                    is_faulty = False
                except DATABASE_FAULTS as error:
                    if not is_faulty:
                        log.warning("accounts are not shared this time", error=str(error) or type(error).__name__)
                    is_faulty = True
        finally:
            await self._leave()

    async def renew(self) -> bool:
        """Learn the parts and the rests. Whether there is something of every account."""
        asked_s = asyncio.get_running_loop().time()
        found = await sharing.share_accounts(self._pool, self.process, list(self._accounts), lease=self._lease)
        took_s = asyncio.get_running_loop().time() - asked_s
        for told in found:
            account = self._accounts[told.provider]
            account.lend(told.share, max(0.0, told.left_s - took_s))
            for known in told.rests:
                rest = Rest(Scope(known.scope), known.reason, known.told_until, known.service, known.country)
                account.rest(rest, known.left_s)
        return len(found) == len(self._accounts) and all(told.share > 0 for told in found)

    async def _leave(self) -> None:
        with contextlib.suppress(*DATABASE_FAULTS):  # without it the lease ends it
            await sharing.leave_accounts(self._pool, self.process)


async def spread_rest(pool: Pool, provider: str, rest: Rest, for_s: float) -> None:
    """Let the other processes know."""
    await sharing.rest_account(
        pool,
        provider,
        str(rest.scope),
        service=rest.service,
        country=rest.country,
        lasts=timedelta(seconds=for_s),
        told_until=rest.until,
        reason=rest.reason,
    )
