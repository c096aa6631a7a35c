"""The wallet once more, in plain Python: what every call must answer, and what must then be in the books.

No I/O and no clock. Each method is one call of the function of the same name: it returns the `Answer` the database must
give, or the `Refused` it must meet, and only an `Answer` that is not a replay changes the model. Checks come in the
database's order, so a call with two faults has one expected refusal. Orders are known by id, owner and whether they are
open; prices, phones and messages are no money and not modelled. Concurrency is not either: callers that ran at once are
told to the model one after the other, in the order the database decided.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

from wallet_db import errors

LIMIT = Decimal("1e12")
CENT = Decimal("0.01")
KEY_LENGTH_MAX = 255
Settling = Literal["commit", "refund"]
STATES = {"commit": "committed", "refund": "refunded"}
OTHER: dict[Settling, Settling] = {"commit": "refund", "refund": "commit"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returns. `balance` and `frozen` are the wallet's after the call's last movement."""

    operation_number: int
    type: str
    transaction_id: str
    hold_transaction_id: str | None
    amount: Decimal
    balance: Decimal
    frozen: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The refusal a call must meet, and some of its data."""

    error: type[errors.WalletError]
    data: dict[str, Any] = field(default_factory=dict)


Outcome: TypeAlias = Answer | Refused


@dataclass(slots=True)
class Hold:
    """Money held under the transaction id of its freeze. `end` is the settlement's answer, once there is one."""

    user: UUID
    amount: Decimal
    activation: UUID | None
    rental: UUID | None
    expires_at: datetime | None
    freeze: Answer
    end: Answer | None = None

    @property
    def name(self) -> str:
        return self.freeze.transaction_id


@dataclass(slots=True)
class Order:
    """An order that money may be held for."""

    user: UUID
    open: bool = True


@dataclass(slots=True)
class Wallet:
    """A user's money, and each movement of it: type, amount, transaction, hold ended, balance and frozen after."""

    balance: Decimal = Decimal(0)
    frozen: Decimal = Decimal(0)
    operations: list[tuple[str, Decimal, str, str | None, Decimal, Decimal]] = field(default_factory=list)

    @property
    def available(self) -> Decimal:
        return self.balance - self.frozen

    def move(self, kind: str, amount: Decimal, transaction_id: str, hold: str | None = None) -> Answer:
        self.balance += {"deposit": amount, "adjust": amount, "commit": -amount}.get(kind, Decimal(0))
        self.frozen += {"freeze": amount, "commit": -amount, "refund": -amount}.get(kind, Decimal(0))
        self.operations.append((kind, amount, transaction_id, hold, self.balance, self.frozen))
        return Answer(len(self.operations), kind, transaction_id, hold, amount, self.balance, self.frozen)


class Model:
    """Users, their orders, holds and operations."""

    def __init__(self) -> None:
        self.wallets: dict[UUID, Wallet] = {}
        self.orders: dict[UUID, Order] = {}
        self.holds: dict[str, Hold] = {}
        self.changes: dict[tuple[str, str], tuple[UUID, Answer]] = {}

    def change(self, kind: str, user: UUID, amount: Decimal, transaction_id: str, reason: str | None) -> Outcome:
        """atomic_deposit, or atomic_adjust, whose amount may be negative and whose reason may not be missing."""
        magnitude = -amount if kind == "adjust" and not amount.is_nan() and amount < 0 else amount
        if refused := _no_sum_of_money(magnitude):
            return refused
        if kind == "adjust" and not (reason or "").strip():
            return Refused(errors.InvalidArgument, {"argument": "p_reason"})
        if refused := self._no_key(transaction_id) or self._no_user(user):
            return refused
        wallet = self.wallets[user]
        if first := self.changes.get((kind, transaction_id)):
            owner, answer = first
            differs = "user_id" if owner != user else "amount" if answer.amount != amount else None
            return _mismatch(transaction_id, differs) if differs else replace(answer, replayed=True)
        if wallet.available + amount < 0:
            return Refused(errors.InsufficientFunds, {"available": f"{wallet.available:.2f}"})
        if wallet.balance + amount >= LIMIT:
            return Refused(errors.InvalidAmount)
        answer = wallet.move(kind, amount, transaction_id)
        self.changes[kind, transaction_id] = (user, answer)
        return answer

    def freeze(
        self,
        user: UUID,
        amount: Decimal,
        transaction_id: str,
        activation: UUID | None = None,
        rental: UUID | None = None,
        expires_at: datetime | None = None,
    ) -> Outcome:
        if refused := _no_sum_of_money(amount) or self._no_key(transaction_id):
            return refused
        hold = self.holds.get(transaction_id)
        if hold is not None:
            asked = (user, amount, activation, rental, expires_at)
            made = (hold.user, hold.amount, hold.activation, hold.rental, hold.expires_at)
            fields = ("user_id", "amount", "activation_id", "rental_id", "expires_at")
            differs = next((name for name, a, b in zip(fields, asked, made, strict=True) if a != b), None)
            if differs is None:
                return replace(hold.freeze, replayed=True)
            return self._no_user(user) or _mismatch(transaction_id, differs)
        if refused := self._no_user(user):
            return refused
        wallet = self.wallets[user]
        if wallet.available < amount:
            return Refused(
                errors.InsufficientFunds, {"needed": f"{amount:.2f}", "available": f"{wallet.available:.2f}"}
            )
        if refused := self._no_order(user, transaction_id, activation, rental, expires_at):
            return refused
        answer = wallet.move("freeze", amount, transaction_id)
        self.holds[transaction_id] = Hold(user, amount, activation, rental, expires_at, answer)
        return answer

    def settle(
        self,
        kind: Settling,
        user: UUID,
        transaction_id: str | None,
        activation: UUID | None = None,
        rental: UUID | None = None,
        amount: Decimal | None = None,
    ) -> Outcome:
        """atomic_commit and atomic_refund."""
        if amount is not None and (refused := _no_sum_of_money(amount)):
            return refused
        if transaction_id is not None and (refused := self._no_key(transaction_id)):
            return refused
        if refused := self._no_user(user):
            return refused
        if activation and rental:
            return Refused(errors.InvalidArgument, {"argument": "p_rental_id"})
        hold = self._meant(user, transaction_id, activation, rental)
        if hold is None:
            return Refused(errors.UnknownHold, {"transaction_id": transaction_id})
        name = transaction_id if transaction_id is not None else hold.name
        part = hold.amount if amount is None else amount
        if hold.end is not None:
            if (hold.end.type, hold.end.transaction_id) != (kind, name):
                who = {"state": STATES[hold.end.type], "settled_by": hold.end.transaction_id}
                return Refused(errors.AlreadySettled, {"hold_transaction_id": hold.name, **who})
            return _mismatch(name, "amount") if hold.end.amount != part else replace(hold.end, replayed=True)
        if part > hold.amount:
            return Refused(errors.InvalidAmount, {"amount": f"{part:.2f}", "held": f"{hold.amount:.2f}"})
        if name != hold.name and (name in self.holds or self._ended_by(name)):
            return _mismatch(name, "hold_transaction_id")
        return self._end(hold, kind, name, part)

    def expire(self, now: datetime, limit: int, locked: UUID | None = None) -> int:
        """expire_holds, while somebody else works on the wallet of `locked`: the longest due go first."""
        due = [
            (hold.expires_at, hold)
            for hold in self.holds.values()
            if hold.end is None and hold.user != locked and hold.expires_at is not None and hold.expires_at <= now
        ]
        expired = sorted(due, key=lambda each: each[0])[:limit]
        for _, hold in expired:
            self._end(hold, "refund", hold.name, hold.amount)
        return len(expired)

    def _end(self, hold: Hold, kind: Settling, name: str, part: Decimal) -> Answer:
        wallet = self.wallets[hold.user]
        answer = wallet.move(kind, part, name, hold.name)
        if rest := hold.amount - part:
            left = wallet.move(OTHER[kind], rest, name, hold.name)
            answer = replace(answer, balance=left.balance, frozen=left.frozen)
        hold.end = answer
        if hold.activation is not None:
            self.orders[hold.activation].open = False
        elif hold.rental is not None:
            self.orders[hold.rental].open = any(other.end is None for other in self._held_for(hold.rental))
        return answer

    def _meant(
        self, user: UUID, transaction_id: str | None, activation: UUID | None, rental: UUID | None
    ) -> Hold | None:
        """By its name, or of an order: the one this transaction names or ended, else the open one, else the newest."""
        if activation is None and rental is None:
            hold = self.holds.get(transaction_id or "")
            return hold if hold is not None and hold.user == user else None
        of_order = [hold for hold in self._held_for(activation or rental) if hold.user == user]
        return max(
            of_order,
            key=lambda hold: (
                transaction_id == hold.name or (hold.end is not None and hold.end.transaction_id == transaction_id),
                hold.end is None,
                hold.freeze.operation_number,
            ),
            default=None,
        )

    def _held_for(self, order: UUID | None) -> list[Hold]:
        return [hold for hold in self.holds.values() if order in (hold.activation, hold.rental)]

    def _ended_by(self, transaction_id: str) -> bool:
        return any(hold.end and hold.end.transaction_id == transaction_id for hold in self.holds.values())

    def _no_order(
        self,
        user: UUID,
        transaction_id: str,
        activation: UUID | None,
        rental: UUID | None,
        expires_at: datetime | None,
    ) -> Refused | None:
        order_id = activation or rental
        if activation and rental:
            return Refused(errors.InvalidArgument, {"argument": "p_rental_id"})
        if order_id is None:
            return None
        order = self.orders[order_id]
        if expires_at is not None:
            return Refused(errors.InvalidArgument, {"argument": "p_expires_at"})
        if order.user != user:
            return Refused(errors.UnknownOrder, {"order_id": str(order_id)})
        if not order.open:
            return Refused(errors.AlreadyClosed, {"order_id": str(order_id)})
        if self._ended_by(transaction_id):
            return _mismatch(transaction_id, "hold_transaction_id")
        if activation and any(hold.end is None for hold in self._held_for(activation)):
            return Refused(errors.IdempotencyMismatch, {"order_id": str(order_id), "field": "transaction_id"})
        return None

    def _no_user(self, user: UUID) -> Refused | None:
        return None if user in self.wallets else Refused(errors.UnknownUser, {"user_id": str(user)})

    def _no_key(self, transaction_id: str) -> Refused | None:
        fits = 1 <= len(transaction_id) <= KEY_LENGTH_MAX
        return None if fits else Refused(errors.InvalidArgument, {"argument": "p_transaction_id"})


def _no_sum_of_money(amount: Decimal) -> Refused | None:
    if amount.is_finite() and 0 < amount < LIMIT and amount == amount.quantize(CENT):
        return None
    return Refused(errors.InvalidAmount)


def _mismatch(transaction_id: str, differs: str) -> Refused:
    return Refused(errors.IdempotencyMismatch, {"transaction_id": transaction_id, "field": differs})
