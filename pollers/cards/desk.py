"""What all who work on cards have in common: the database, the providers' accounts, the keys, and whom to tell.

`provider` finds a card's account; `name_on_card`, `person` and `document` open what is sealed. What was opened is never
written anywhere: callers hand it to the provider and forget it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import orjson

from pollers.cards.contract import CardProvider, CardTransaction, Document, Person
from pollers.cards.operators import Operators
from pollers.providers.contract import AccountProblem, Refused
from pollers.settings import PollerSettings
from wallet_db import card_jobs
from wallet_db.card_numbers import text_without_card_numbers
from wallet_db.cards import SealedDocument
from wallet_db.connect import Pool
from wallet_db.sealing import CardKeys, place


@dataclass(frozen=True, slots=True)
class Desk:
    """providers: accounts by the provider's name."""

    pool: Pool
    providers: Mapping[str, CardProvider]
    keys: CardKeys
    settings: PollerSettings
    operators: Operators

    def provider(self, name: str) -> CardProvider:
        """The account. Raises AccountProblem if there is none."""
        if name not in self.providers:
            raise AccountProblem(f"no account at the card's provider {name}")
        return self.providers[name]

    def name_on_card(self, card_id: UUID, sealed: bytes | None) -> str:
        """What stands on a card. Raises Unsealable, Refused."""
        if sealed is None:
            raise Refused("the name on the card is not known any more")
        return self.keys.open(sealed, place("cards", "name_on_card_sealed", card_id)).decode()

    def person(self, customer_id: UUID, sealed: bytes | None) -> Person:
        """Who a customer is. Raises Unsealable, Refused."""
        if sealed is None:
            raise Refused("the customer's details are not known any more")
        return person_of(self.keys.open(sealed, place("card_customers", "details", customer_id)))

    def document(self, document: SealedDocument) -> Document:
        """An image. Raises Unsealable."""
        content = self.keys.open(document.sealed, place("card_documents", "sealed", document.id))
        return Document(document.kind, document.content_type, content)

    async def record_transactions(
        self, card_id: UUID, listed: Sequence[CardTransaction], now: datetime, *, tell: bool = True
    ) -> None:
        """Write down what the provider lists. now: for one without a time. What a shop says may hold a number."""
        rows = [
            {
                "id": each.provider_transaction_id,
                "usd": str(each.usd),
                "type": each.type,
                "method": each.method,
                "narrative": text_without_card_numbers(each.narrative),
                "status": str(each.status),
                "at": (each.at or now).isoformat(),
            }
            for each in listed
        ]
        await card_jobs.record_transactions(self.pool, card_id, rows, tell=tell)


def person_of(details: bytes) -> Person:
    """Read a customer's details, JSON with the fields of `Person`. Raises Refused."""
    try:
        told = orjson.loads(details)
        names = (name for name in Person.__slots__ if name != "date_of_birth")
        return Person(
            date_of_birth=date.fromisoformat(told["date_of_birth"]), **{name: str(told[name]) for name in names}
        )
    except (KeyError, TypeError, ValueError) as fault:
        missing = fault.args[0] if isinstance(fault, KeyError) else "a field"
        raise Refused(f"the customer's details lack {missing}") from None
