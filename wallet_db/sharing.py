"""How poller processes share the accounts at providers: parts of their requests, and what to leave alone.

Effects and locks: the SQL function of the same name. Times go over the wire as durations, so no process's clock counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class KnownRest:
    """What a provider wants left alone, as some process was told.

    scope: pause, account, purchases, or route with the provider's codes of service and country. told_until: as the
    provider said, if it did.
    """

    scope: str
    service: str
    country: str
    reason: str
    left_s: float
    told_until: datetime | None


@dataclass(frozen=True, slots=True)
class AccountShare:
    """A process's part of an account's requests, 0 to 1, its own for `left_s` seconds from when it was asked for."""

    provider: str
    share: float
    left_s: float
    rests: tuple[KnownRest, ...]


async def share_accounts(
    pool: Pool, process: UUID, providers: Collection[str], *, lease: timedelta
) -> list[AccountShare]:
    """Say that the process is alive; learn its parts, and what is to be left alone."""
    rows = await pool.fetch("select * from share_accounts($1, $2, $3)", process, list(providers), lease)
    return [
        AccountShare(row["provider"], float(row["share"]), row["left_s"], tuple(map(_rest, orjson.loads(row["rests"]))))
        for row in rows
    ]


async def leave_accounts(pool: Pool, process: UUID) -> None:
    """Give the process's parts back."""
    await pool.execute("select leave_accounts($1)", process)


async def rest_account(
    pool: Pool,
    provider: str,
    scope: str,
    *,
    service: str,
    country: str,
    lasts: timedelta,
    told_until: datetime | None,
    reason: str,
) -> None:
    """Let every process know what the provider wants left alone."""
    await pool.execute(
        "select rest_account($1, $2, $3, $4, $5, $6, $7)",
        provider,
        scope,
        service,
        country,
        lasts,
        told_until,
        reason,
    )


def _rest(told: dict[str, Any]) -> KnownRest:
    until = told.pop("told_until")
    return KnownRest(**told, told_until=datetime.fromisoformat(until) if until else None)
