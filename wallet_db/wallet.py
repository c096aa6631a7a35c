"""The wallet's operations, one call each. What they do and refuse is written in `sql/functions/atomic_*.sql`.

Each is atomic by itself and may also run inside a transaction of the caller's. All are idempotent by transaction id.
Refusals are the exceptions of `wallet_db.errors`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson

from wallet_db.connect import Connection
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class Operation:
    """One movement of a user's money, and the wallet right after it."""

    number: int
    """The user's operations count 1, 2, 3 …"""
    type: str
    amount: Decimal
    balance: Decimal
    frozen: Decimal
    available: Decimal
    transaction_id: str
    hold_transaction_id: str | None
    """Of a commit or refund: the hold it ended."""
    replayed: bool
    """This call repeated an earlier one and moved nothing."""


async def freeze(
    connection: Connection,
    user_id: UUID,
    amount: Decimal,
    transaction_id: str,
    reason: str = "purchase",
    *,
    expires_at: datetime | None = None,
) -> Operation:
    """Hold part of the available money under `transaction_id`; from `expires_at` on it goes back by itself."""
    return await _operation(
        connection,
        "select atomic_freeze(p_user_id => $1, p_amount => $2, p_transaction_id => $3, p_reason => $4,"
        " p_expires_at => $5)",
        user_id,
        amount,
        transaction_id,
        reason,
        expires_at,
    )


async def commit(
    connection: Connection,
    user_id: UUID,
    transaction_id: str,
    *,
    activation_id: UUID | None = None,
    rental_id: UUID | None = None,
    amount: Decimal | None = None,
) -> Operation:
    """Spend a hold: the order's, or the one frozen under `transaction_id`. A part refunds the rest."""
    return await _operation(
        connection,
        "select atomic_commit(p_user_id => $1, p_transaction_id => $2, p_activation_id => $3, p_rental_id => $4,"
        " p_amount => $5)",
        user_id,
        transaction_id,
        activation_id,
        rental_id,
        amount,
    )


async def refund(
    connection: Connection,
    user_id: UUID,
    transaction_id: str,
    *,
    activation_id: UUID | None = None,
    rental_id: UUID | None = None,
    amount: Decimal | None = None,
) -> Operation:
    """Give a hold back: the order's, or the one frozen under `transaction_id`. A part commits the rest."""
    return await _operation(
        connection,
        "select atomic_refund(p_user_id => $1, p_transaction_id => $2, p_activation_id => $3, p_rental_id => $4,"
        " p_amount => $5)",
        user_id,
        transaction_id,
        activation_id,
        rental_id,
        amount,
    )


async def deposit(
    connection: Connection, user_id: UUID, amount: Decimal, transaction_id: str, reason: str = "top-up"
) -> Operation:
    """Top the wallet up."""
    return await _operation(
        connection,
        "select atomic_deposit(p_user_id => $1, p_amount => $2, p_transaction_id => $3, p_reason => $4)",
        user_id,
        amount,
        transaction_id,
        reason,
    )


async def adjust(
    connection: Connection,
    user_id: UUID,
    amount: Decimal,
    transaction_id: str,
    reason: str,
    *,
    actor: str | None = None,
) -> Operation:
    """An operator's correction of what a user owns, down to what is available. `actor`: on whose behalf."""
    return await _operation(
        connection,
        "select atomic_adjust(p_user_id => $1, p_amount => $2, p_transaction_id => $3, p_reason => $4, p_actor => $5)",
        user_id,
        amount,
        transaction_id,
        reason,
        actor,
    )


async def _operation(connection: Connection, statement: str, *arguments: object) -> Operation:
    with refusals():
        answer = orjson.loads(await connection.fetchval(statement, *arguments))
    return Operation(
        number=answer["operation_number"],
        type=answer["type"],
        amount=Decimal(answer["amount"]),
        balance=Decimal(answer["balance"]),
        frozen=Decimal(answer["frozen"]),
        available=Decimal(answer["available"]),
        transaction_id=answer["transaction_id"],
        hold_transaction_id=answer["hold_transaction_id"],
        replayed=answer["replayed"],
    )
