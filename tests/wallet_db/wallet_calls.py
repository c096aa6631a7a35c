"""Calls of the wallet's functions as values: sent to the database, foretold by the model, and the two compared."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from tests.wallet_db.model import Answer, Model, Outcome, Refused, Settling
from tests.wallet_db.support import NOW, Database, call, outcomes
from wallet_db.connect import Connection

ORDERS = {
    "activation": "insert into activations (user_id, service, country, status, price, frozen_amount, phone)"
    " values ($1, 'whatsapp', 'indonesia', 'pending', 5, 5, '6281') returning id",
    "rental": "insert into rentals (user_id, service, country, status, price, frozen_amount, hours)"
    " values ($1, 'whatsapp', 'indonesia', 'active', 5, 5, 4) returning id",
}
NAMES = {
    "user": "p_user_id",
    "amount": "p_amount",
    "transaction_id": "p_transaction_id",
    "activation": "p_activation_id",
    "rental": "p_rental_id",
    "expires_at": "p_expires_at",
    "reason": "p_reason",
}


@dataclass(frozen=True)
class Call:
    """A call of one of the wallet's functions, by the names the model uses."""

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)

    async def send(self, db: Database) -> Any:
        """The answer; refusals are exceptions."""
        arguments = {NAMES[name]: value for name, value in self.arguments.items()}
        return await call(db, f"atomic_{self.kind}", **arguments)

    def foretell(self, model: Model) -> Outcome:
        if self.kind == "freeze":
            return model.freeze(**self.arguments)
        if self.kind in ("commit", "refund"):
            return model.settle(cast("Settling", self.kind), **self.arguments)
        return model.change(self.kind, **({"reason": "top-up"} | self.arguments))


async def send_all(connection: Connection, calls: list[Call]) -> None:
    """Within a transaction: what a refused call leaves is rolled back, and the next one made."""
    for made in calls:
        await connection.execute("savepoint call")
        if isinstance((await outcomes([made.send(connection)]))[0], BaseException):
            await connection.execute("rollback to call")


def check(met: Any, foretold: Outcome) -> None:
    """What was met is what was foretold, data and figures too."""
    if isinstance(foretold, Refused):
        assert type(met) is foretold.error, (met, foretold)
        assert met.data.items() >= foretold.data.items(), (met.data, foretold)
        return
    assert isinstance(met, dict), (met, foretold)
    sums = {"amount", "balance", "frozen"}
    figures: dict[str, Any] = {each.name: met[each.name] for each in fields(Answer)}
    figures |= {name: Decimal(met[name]) for name in sums}
    assert Answer(**figures) == foretold
    assert Decimal(met["available"]) == foretold.balance - foretold.frozen


async def freeze_until(
    db: Database, user: UUID, name: str, expires_at: datetime | None = NOW, amount: str = "5.00"
) -> Any:
    arguments: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(amount), "p_transaction_id": name}
    return await call(db, "atomic_freeze", **arguments, p_expires_at=expires_at)


async def sweep(db: Database, now: datetime = NOW, limit: int = 100) -> int:
    expired: int = await call(db, "expire_holds", p_limit=limit, p_now=now)
    return expired
