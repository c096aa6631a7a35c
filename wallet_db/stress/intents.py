"""What a caller of a stress run does next, drawn from a seeded chance, and which answers to it are right.

Pure. Commits take out more than deposits bring in, so wallets run empty and refuse. Holds to end are chosen among those
open as far as the answers tell, and stay on offer until one caller has been told that it ended them: so others end the
same one at the same moment, the same way or the other, in whole or in part.
"""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from wallet_db.stress.ledger import Account, Call
from wallet_db.wallet import Operation

WEIGHTS = {
    "freeze": 36,
    "double click": 4,
    "commit": 14,
    "refund": 14,
    "part": 8,
    "deposit": 6,
    "replay": 10,
    "replay altered": 4,
    "second end": 4,
}
RIGHT = {
    "freeze": {"done", "InsufficientFunds"},
    "double click": {"done", "replayed", "InsufficientFunds"},
    "commit": {"done", "replayed", "AlreadySettled", "IdempotencyMismatch"},
    "refund": {"done", "replayed", "AlreadySettled", "IdempotencyMismatch"},
    "part": {"done", "replayed", "AlreadySettled", "IdempotencyMismatch"},
    "deposit": {"done"},
    "replay": {"replayed"},
    "replay altered": {"IdempotencyMismatch"},
    "second end": {"AlreadySettled"},
}
"""By intent: the outcomes of which one must come. What a race may bring is no fault; two winners would be one."""
OPEN_HOLDS_MAX = 200
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Intent:
    """A call to make, and for a replay the answer it had the first time."""

    name: str
    call: Call
    before: Operation | None = None


def intend(chance: Random, account: Account, amount: Decimal, fresh_id: str) -> Intent:
    """The next intent for this user; purchases are of `amount`, under `fresh_id`. A purchase if there is no other."""
    (name,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
    if len(account.open_holds) >= OPEN_HOLDS_MAX and name in ("freeze", "double click"):
        name = "refund"
    if name == "deposit":
        return Intent(name, Call("deposit", account.user_id, amount * 2, fresh_id))
    intent = None
    if name in ("commit", "refund", "part"):
        intent = _end(chance, account, name)
    elif name in ("replay", "replay altered", "second end"):
        intent = _again(chance, account, name)
    if intent is not None:
        return intent
    return Intent(name if name == "double click" else "freeze", Call("freeze", account.user_id, amount, fresh_id))


def _end(chance: Random, account: Account, name: str) -> Intent | None:
    if not account.open_holds:
        return None
    hold, held = chance.choice(list(account.open_holds.items()))
    if name != "part" or held == CENT:
        kind = "commit" if name == "part" else name
        return Intent(kind, Call(kind, account.user_id, None, hold))
    part = chance.randrange(1, int(held / CENT)) * CENT
    return Intent(name, Call(chance.choice(["commit", "refund"]), account.user_id, part, hold))


def _again(chance: Random, account: Account, name: str) -> Intent | None:
    if not account.repeatable:
        return None
    call, answer = chance.choice(account.repeatable)
    if name == "replay":
        return Intent(name, call, answer)
    if name == "replay altered":
        return Intent(name, Call(call.kind, call.user_id, answer.amount + CENT, call.transaction_id))
    if call.kind not in ("commit", "refund"):
        return None
    other = "refund" if call.kind == "commit" else "commit"
    return Intent(name, Call(other, call.user_id, None, call.transaction_id))
