"""Writers: transactions that move money, so that events are what they are in life.

Each transaction moves the money of one user or of several, in the order of their ids, so that no two wait for each
other; some take their time before they commit, and some are rolled back, which leaves holes in the ids of `events`.
Whether a transaction that was cut off has committed a writer never asks: the rows will say.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from uuid import UUID

from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Connection, connect
from wallet_db.roles import WALLET
from wallet_db.wallet import commit, deposit, freeze, refund

OPERATIONS_MAX = 4
"""In a transaction; evenly from 1 to this."""
ROLLED_BACK = 0.05
SLOW, SLOW_S = 0.15, (0.001, 0.05)
OPEN, OPEN_S = 0.005, (0.5, 1.5)
ROTA, ROTA_SHARE = 40, 8
"""A writer moves the money of an eighth of the users, and of others after so many movements. So users fall silent, and
what was lost then no later event gives away."""
HOLDS_MAX = 500
ENDING, FREEZING = 0.35, 0.6
RETRY_S = 0.2
CENT = Decimal("0.01")


class _RollBack(Exception):
    """Meant so."""


class Writer:
    """One of several; at most one transaction at a time."""

    def __init__(self, name: str, url: str, users: Sequence[UUID], chance: Random, rate: float) -> None:
        """`rate`: operations a second, as far as the database keeps up."""
        self.transactions: Counter[str] = Counter()
        """By how they ended: committed, rolled back, cut off."""
        self._name = name
        self._url = url
        self._connection: Connection | None = None
        self._users = users
        self._chance = chance
        self._period_s = (1 + OPERATIONS_MAX) / 2 / rate
        self._holds: list[tuple[UUID, str | None]] = []
        self._number = 0
        self._rota: Sequence[UUID] = users
        self._rota_until = 0

    async def run(self) -> None:
        """Write until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                # Time lost to a database that was away is not made up for.
                due = max(due + self._period_s, loop.time() - 1)
                await asyncio.sleep(due - loop.time())
                try:
                    await self._transact()
                except _RollBack:
                    self.transactions["rolled back"] += 1
                except DATABASE_FAULTS:
                    self.transactions["cut off"] += 1
                    self._let_go()
                    await asyncio.sleep(RETRY_S)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _transact(self) -> None:
        chance = self._chance
        moves = sorted((self._intend() for _ in range(chance.randint(1, OPERATIONS_MAX))), key=lambda move: move[0])
        frozen: list[tuple[UUID, str | None]] = []
        drawn = chance.random()
        pause = OPEN_S if drawn < OPEN else SLOW_S if drawn < OPEN + SLOW else None
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, "loss-writer", role=WALLET)
        connection = self._connection
        async with connection.transaction():
            for user, hold in moves:
                if hold is not None:
                    await chance.choice((commit, refund))(connection, user, hold)
                else:
                    frozen += await self._move(connection, user)
            if pause is not None:
                await asyncio.sleep(chance.uniform(*pause))
            if chance.random() < ROLLED_BACK:
                raise _RollBack
        self.transactions["committed"] += 1
        self._holds += frozen

    def _intend(self) -> tuple[UUID, str | None]:
        """A user, and the hold to end if one is; it is not offered again, whatever becomes of the transaction."""
        if self._holds and self._chance.random() < ENDING:
            return self._holds.pop(self._chance.randrange(len(self._holds)))
        if self._number >= self._rota_until:
            self._rota_until = self._number + ROTA
            self._rota = self._chance.sample(self._users, max(1, len(self._users) // ROTA_SHARE))
        return self._chance.choice(self._rota), None

    async def _move(self, connection: Connection, user: UUID) -> list[tuple[UUID, str | None]]:
        """Freeze or deposit; returns what was frozen."""
        self._number += 1
        transaction_id = f"{self._name}-{self._number}"
        amount = self._chance.randint(1, 500) * CENT
        if self._chance.random() < FREEZING and len(self._holds) < HOLDS_MAX:
            await freeze(connection, user, amount, transaction_id)
            return [(user, transaction_id)]
        await deposit(connection, user, amount, transaction_id)
        return []


async def flood(connection: Connection, user: UUID, name: str, count: int) -> None:
    """So many deposits for one user, in one transaction."""
    await connection.execute(
        "select atomic_deposit(p_user_id => $1, p_amount => 0.01, p_transaction_id => $2::text || n)"
        " from generate_series(1, $3) n",
        user,
        name,
        count,
    )
