"""The verdict: wallets, and both sides' books, order by order. `disagreements` is pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from bench.loss.database import Database
from wallet_db.check import check, lines
from wallet_db.periodic import find_faulty_wallets


@dataclass(frozen=True, slots=True)
class Ours:
    """An order as our books have it. charged: whether money of its user was spent on it. hours: of a rental, else 0."""

    id: str
    status: str
    charged: bool
    hours: int = 0


@dataclass(frozen=True, slots=True)
class Theirs:
    """A number as the provider's books have it. delivered: an SMS has come, or it was rented. hours: of a rental."""

    state: str
    delivered: bool
    hours: int = 0


Key = tuple[str, str]
"""Provider, and its id of the order."""


@dataclass(slots=True)
class Verdict:
    """wrong: what must not be, a line each. ends: orders by status. late: that had their SMS after their end."""

    ends: Counter[str] = field(default_factory=Counter)
    sold: int = 0
    late: int = 0
    wrong: list[str] = field(default_factory=list)
    coherent: str = ""


def disagreements(ours: Mapping[Key, Ours], theirs: Mapping[Key, Theirs]) -> list[str]:
    """What one side has and the other has not, or has otherwise."""
    found = []
    for (provider, id_), there in theirs.items():
        here = ours.get((provider, id_))
        name = f"{provider} {id_} ({there.state})"
        is_paid = there.state != "cancelled"
        if here is None:
            found += [f"{name}: paid for and unknown here"] if is_paid else []
        elif here.charged != is_paid:
            what = "charged here, returned there" if here.charged else "paid for there, refunded here"
            found.append(f"{name}: {what}: order {here.id}, {here.status}")
        elif here.charged and not there.delivered:
            found.append(f"{name}: charged and paid for without an SMS: order {here.id}")
        elif is_paid and here.hours != there.hours:
            found.append(f"{name}: {there.hours} hours there, {here.hours} here: rental {here.id}")
    lost = ours.keys() - theirs.keys()
    return found + [f"{provider} {id_}: here and not there: order {ours[provider, id_].id}" for provider, id_ in lost]


async def judge(database: Database, simulator_url: str, http: httpx.AsyncClient) -> Verdict:
    """Look at everything, when nobody works any more."""
    verdict = Verdict()
    async with database.session() as session:
        rows = await session.fetch(
            "select id::text, status, provider, provider_order_id, closed_at is null as is_open, 0 as hours,"
            "       late_sms_at is not null as is_late, exists (select from wallet_holds h"
            "          where (h.activation_id = a.id or h.transaction_id = format('activation:%s:late', a.id))"
            "            and h.committed_amount > 0) as charged"
            "  from activations a union all "
            "select id::text, status, provider, provider_order_id, closed_at is null, hours, false,"
            "       exists (select from wallet_holds h where h.rental_id = r.id and h.committed_amount > 0)"
            "  from rentals r"
        )
        _, faulty = await find_faulty_wallets(session)
    verdict.ends.update(row["status"] for row in rows)
    verdict.late = sum(row["is_late"] for row in rows)
    verdict.wrong += [f"order {row['id']} is not over: {row['status']}" for row in rows if row["is_open"]]
    verdict.wrong += [f"health: the wallet of {user} is not OK" for user in faulty]
    report = await check(database.url)
    *mismatches, verdict.coherent = lines(report)
    if not report.is_clean:
        verdict.wrong += [f"check: {line}" for line in mismatches]
    theirs = await _theirs(simulator_url, http)
    verdict.sold = len(theirs)
    verdict.wrong += disagreements(_ours(rows), theirs)
    return verdict


def _ours(rows: Iterable[Any]) -> dict[Key, Ours]:
    return {
        (row["provider"], row["provider_order_id"]): Ours(row["id"], row["status"], row["charged"], row["hours"])
        for row in rows
        if row["provider_order_id"] is not None
    }


async def _theirs(simulator_url: str, http: httpx.AsyncClient) -> dict[Key, Theirs]:
    numbers = await http.get(f"{simulator_url}/sim/activations", timeout=30)
    rentals = await http.get(f"{simulator_url}/sim/rentals", timeout=30)
    return {
        (row["provider"], str(row["id"])): Theirs(row["state"], bool(row["messages"]))
        for row in orjson.loads(numbers.content)["activations"]
    } | {
        (row["provider"], str(row["id"])): Theirs(row["state"], delivered=True, hours=row["hours"])
        for row in orjson.loads(rentals.content)["rentals"]
    }
