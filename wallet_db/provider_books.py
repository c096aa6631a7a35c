"""Our books about accounts with providers, and the readings of their balances.

Effects, locks and refusals: the SQL function of the same name. Money is in the account's currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class ProviderBooks:
    """All orders with one provider: two sums that only grow, and what is under way.

    Two that are equal saw nothing move between them.
    """

    bought: Decimal
    returned: Decimal
    slack: Decimal

    @property
    def spent(self) -> Decimal:
        """What the provider has had of us in the end."""
        return self.bought - self.returned


@dataclass(frozen=True, slots=True)
class ProviderOrder:
    """An order of ours with a provider. cost: None if the provider did not tell. held: of the user's money, still."""

    kind: Literal["activation", "rental"]
    id: UUID
    status: str
    provider_order_id: str | None
    cost: Decimal | None
    held: Decimal
    is_closed: bool
    is_overdue: bool
    is_moving: bool
    """It is being cancelled, or its time is over: the provider may know before we do."""
    is_late: bool = False
    """It was served after its money went back."""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BalanceReading:
    """A reading to compare with, and what operators say was paid in since."""

    at: datetime
    balance: Decimal
    spent: Decimal
    slack: Decimal
    paid_in: Decimal


async def provider_books(pool: Pool, provider: str) -> ProviderBooks:
    """What our orders say about the account."""
    row = await pool.fetchrow("select * from provider_books($1)", provider)
    if row is None:
        raise LookupError("expected provider_books to answer one row")
    return ProviderBooks(**row)


async def provider_orders(pool: Pool, provider: str, since: datetime, ids: Sequence[str]) -> list[ProviderOrder]:
    """Orders open, closed since, or of these ids of the provider's."""
    rows = await pool.fetch("select * from provider_orders($1, $2, $3)", provider, since, ids)
    return [ProviderOrder(**row) for row in rows]


async def record_provider_balance(
    pool: Pool, provider: str, balance: Decimal, books: ProviderBooks, slack: Decimal, paid_in: Decimal
) -> BalanceReading | None:
    """Remember a reading; returns the one to compare it with. None: it is the first."""
    with refusals():
        row = await pool.fetchrow(
            "select * from record_provider_balance($1, $2, $3, $4, $5)", provider, balance, books.spent, slack, paid_in
        )
    return BalanceReading(**row) if row is not None else None
