"""One user's books, read in one statement, and what is wrong with them: nothing, or the rules that were broken.

`read_books` takes the row, the holds, the audit and the events from one snapshot, so it may run beside other callers.
`faults` is pure: it replays the audit from zero and compares. The tests that take a safeguard out ask it for the fault
they expect; all others expect none. Two readings that are equal mean that nothing was changed in between.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.wallet_db.support import Database

Row = dict[str, Any]

_READ = """
select jsonb_build_object(
    'user', to_jsonb(u),
    'holds', (select coalesce(jsonb_agg(to_jsonb(h) order by frozen_number), '[]')
                from wallet_holds h where user_id = u.id),
    'operations', (select coalesce(jsonb_agg(to_jsonb(o) order by number), '[]')
                     from balance_operations o where user_id = u.id),
    'events', (select coalesce(jsonb_agg(to_jsonb(e) order by seq), '[]') from events e where user_id = u.id))
  from users u where u.id = $1
"""


@dataclass(frozen=True)
class Books:
    """All that is written about one user's money; holds by when they were frozen, the rest by number and seq."""

    user: Row
    holds: list[Row]
    operations: list[Row]
    events: list[Row]


async def read_books(db: Database, user: UUID) -> Books:
    return Books(**json.loads(await db.fetchval(_READ, user), parse_float=Decimal))


def faults(books: Books) -> list[str]:
    """Every rule of the wallet that these books break."""
    return [fault for rule in _RULES for fault in rule(books)]


async def assert_sound(db: Database, *users: UUID) -> None:
    for user in users:
        assert faults(await read_books(db, user)) == []


def _wallet_is_what_its_open_holds_say(books: Books) -> list[str]:
    balance, frozen = books.user["balance"], books.user["frozen_balance"]
    held = sum((hold["amount"] for hold in books.holds if hold["state"] == "held"), Decimal(0))
    found = []
    if not balance >= frozen >= 0:
        found.append(f"frozen is not within the balance: {frozen} of {balance}")
    if frozen != held:
        found.append(f"frozen is not what the open holds hold: {frozen}, held {held}")
    return found


def _audit_replays_to_the_wallet(books: Books) -> list[str]:
    found = []
    figures = ("balance", "frozen", "available")
    for before, after in pairwise([None, *books.operations]):
        assert after is not None
        if after["number"] != (before["number"] + 1 if before else 1):
            found.append(f"operation {after['number']} does not follow the one before it")
        if any(after[f"{name}_before"] != (before[f"{name}_after"] if before else 0) for name in figures):
            found.append(f"operation {after['number']} does not start where the one before it ended")
    last = books.operations[-1] if books.operations else {"balance_after": 0, "frozen_after": 0, "number": 0}
    row = (books.user["balance"], books.user["frozen_balance"], books.user["operation_number"])
    if row != (last["balance_after"], last["frozen_after"], last["number"]):
        found.append(f"the wallet is not what its last operation left: {row}")
    return found


def _money_is_conserved(books: Books) -> list[str]:
    def total(*types: str) -> Decimal:
        return sum((entry["amount"] for entry in books.operations if entry["type"] in types), Decimal(0))

    owned = total("deposit", "adjust") - total("commit")
    balance = books.user["balance"]
    return [f"money was made or lost: {balance}, by the audit {owned}"] if balance != owned else []


def _every_hold_ends_once_and_whole(books: Books) -> list[str]:
    found = []
    freezes = {entry["number"]: entry for entry in books.operations if entry["type"] == "freeze"}
    ends: defaultdict[str, list[Row]] = defaultdict(list)
    for entry in books.operations:
        if entry["hold_transaction_id"] is not None:
            ends[entry["hold_transaction_id"]].append(entry)
    for hold in books.holds:
        name = hold["transaction_id"]
        frozen = freezes.pop(hold["frozen_number"], None)
        if frozen is None or (frozen["amount"], frozen["transaction_id"]) != (hold["amount"], name):
            found.append(f"hold {name} was not frozen by its operation")
        moved = [(entry["type"], entry["amount"]) for entry in ends[name]]
        if moved != _ends_of(hold):
            found.append(f"hold {name} did not end once: {[(kind, str(amount)) for kind, amount in moved]}")
        elif moved and (ends[name][0]["number"], {entry["transaction_id"] for entry in ends[name]}) != (
            hold["settled_number"],
            {hold["settled_by"]},
        ):
            found.append(f"hold {name} was not ended by its operation")
    return found + [f"operation {number} froze what no hold holds" for number in freezes]


def _ends_of(hold: Row) -> list[tuple[str, Decimal]]:
    """The operations that ended a hold: what was asked for first, then the rest."""
    if hold["state"] == "held":
        return []
    parts = [("commit", hold["committed_amount"]), ("refund", hold["refunded_amount"])]
    if hold["state"] == "refunded":
        parts.reverse()
    return [part for part in parts if part[1] > 0]


def _events_tell_every_operation(books: Books) -> list[str]:
    found = []
    seqs = [event["seq"] for event in books.events]
    if seqs != list(range(1, books.user["event_seq"] + 1)):
        found.append("the events' seq has a gap")
    told = [event["payload"] for event in books.events if event["type"] == "balance.changed"]
    expected = [
        {
            "balance": str(entry["balance_after"]),
            "frozen": str(entry["frozen_after"]),
            "available": str(entry["available_after"]),
            "operation": entry["type"],
            "amount": str(entry["amount"]),
            "transaction_id": entry["transaction_id"],
        }
        for entry in books.operations
    ]
    if told != expected:
        found.append(f"the events do not tell the operations: {len(told)} of {len(expected)}")
    return found


_RULES: tuple[Callable[[Books], list[str]], ...] = (
    _wallet_is_what_its_open_holds_say,
    _audit_replays_to_the_wallet,
    _money_is_conserved,
    _every_hold_ends_once_and_whole,
    _events_tell_every_operation,
)
