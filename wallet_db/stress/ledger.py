"""What a stress run was told: each acknowledged movement, and the wallets that follow from them.

Pure. It is the run's own bookkeeping, beside the database's, and is compared with it in the end. A contradiction
between two answers (an operation number given out twice, a hold that ended twice, a wallet overspent) is noted at once.
It does not know whether the audit says the same: that is for the verdict.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from wallet_db.wallet import Operation

REPEATABLE_MAX = 100
"""Calls remembered for each user, to be repeated."""
FAULTS_MAX = 20
"""Contradictions written out; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a wallet function. `transaction_id` of a commit or refund is the hold's; `amount` None: all of it."""

    kind: str
    user_id: UUID
    amount: Decimal | None
    transaction_id: str


@dataclass(slots=True)
class Account:
    """One user as the answers tell."""

    user_id: UUID
    deposited: Decimal = Decimal("0.00")
    committed: Decimal = Decimal("0.00")
    open_holds: dict[str, Decimal] = field(default_factory=dict)
    acknowledged: dict[int, str] = field(default_factory=dict)
    """Operation number to what `entry` says of it."""
    repeatable: deque[tuple[Call, Operation]] = field(default_factory=lambda: deque(maxlen=REPEATABLE_MAX))
    unanswered: int = 0
    """Calls that may have been carried out or not: the connection broke, or time ran out."""

    @property
    def balance(self) -> Decimal:
        """What the answers leave the user."""
        return self.deposited - self.committed

    @property
    def frozen(self) -> Decimal:
        """What the answers leave held."""
        return sum(self.open_holds.values(), Decimal("0.00"))


def entry(kind: str, amount: Decimal, balance: Decimal, frozen: Decimal) -> str:
    """A movement and the wallet after it: what must be the same in an answer and in the audit."""
    return f"{kind} {amount} to {balance}/{frozen}"


class Ledger:
    """All users of a run."""

    def __init__(self, user_ids: list[UUID]) -> None:
        self.accounts = {user_id: Account(user_id) for user_id in user_ids}
        self.frozen_holds = 0
        self.ended_holds = 0
        self.contradictions = 0
        self.ended_twice = 0
        self.overspent = 0
        self.faults: list[str] = []

    def contradict(self, fault: str) -> None:
        """Note what should not have been answered."""
        self.contradictions += 1
        self._write(fault)

    def acknowledge(self, call: Call, answer: Operation) -> None:
        """Write down a movement that was answered as done."""
        account = self.accounts[call.user_id]
        if not 0 <= answer.frozen <= answer.balance:
            self.overspent += 1
            self._write(f"overspent: {call} left balance {answer.balance}, frozen {answer.frozen}")
        rest = Decimal("0.00")
        if call.kind == "deposit":
            account.deposited += answer.amount
        elif call.kind == "freeze":
            account.open_holds[call.transaction_id] = answer.amount
            self.frozen_holds += 1
        else:
            held = account.open_holds.pop(call.transaction_id, None)
            if held is None:
                self.ended_twice += 1
                self._write(f"ended twice: {call}")
                return
            self.ended_holds += 1
            rest = held - answer.amount
            account.committed += answer.amount if call.kind == "commit" else rest
        self._enter(account, call.kind, answer, rest)
        account.repeatable.append((call, answer))

    def _enter(self, account: Account, kind: str, answer: Operation, rest: Decimal) -> None:
        """A part of a hold makes two rows, the part, then the rest the other way; the answer is of after both."""
        if rest:
            other = "refund" if kind == "commit" else "commit"
            between = answer.balance + (rest if other == "commit" else 0)
            self._number(account, answer.number, entry(kind, answer.amount, between, answer.frozen + rest))
            self._number(account, answer.number + 1, entry(other, rest, answer.balance, answer.frozen))
        else:
            self._number(account, answer.number, entry(kind, answer.amount, answer.balance, answer.frozen))

    def _number(self, account: Account, number: int, text: str) -> None:
        if number in account.acknowledged:
            self.contradict(f"operation {number} of user {account.user_id} was given out twice: {text}")
        account.acknowledged[number] = text

    def _write(self, fault: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)
