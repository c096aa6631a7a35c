"""Which transaction a funding has become, and which card a creation has: found by what the provider shows. Pure.

A provider without idempotency tells nothing of who asked. So a funding is known by its reference; one whose answer was
lost, as money put on the card of the right amount that was not there before. And a card nobody knows is known by its
customer, the name on it and what is on it. Where there are two ways to read it, it is `Unsure`: who is wrong here has
money back for what they have, or pays for what somebody else has.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pollers.cards.contract import Card, CardTransaction


@dataclass(frozen=True, slots=True)
class Unsure:
    """It may be this, or something else."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A creation whose answer was lost. is_given_up: its money has gone back."""

    card_id: UUID
    provider_customer_id: str | None
    name_on_card: str
    usd: Decimal
    begun_at: datetime
    is_given_up: bool


def find_funding(
    listed: Iterable[CardTransaction], *, usd: Decimal, reference: str | None, seen: Collection[str], has_rivals: bool
) -> CardTransaction | Unsure | None:
    """Find the transaction that a funding has become; None: it is not there.

    reference: what the provider called it when it took it on. seen: ids listed before it was begun. has_rivals: what
    shows now, of the same amount, may be another's: of an earlier funding that was given up, or of the card's creation.
    """
    fundings = [each for each in listed if each.is_funding]
    if reference is not None:
        named = [each for each in fundings if reference in {each.reference, each.provider_transaction_id}]
        if named:
            return named[0]
    new = [each for each in fundings if each.usd == usd and each.provider_transaction_id not in seen]
    if not new:
        return None
    return new[0] if len(new) == 1 and not has_rivals else Unsure()


def which_creation(card: Card, doubts: Sequence[Doubt]) -> UUID | Unsure | None:
    """Find the creation that this card, unknown to us, has come of; None: of none of them.

    Two open ones of the same customer, name and amount are alike: the card is the older one's, and should there be a
    second card, it is the other's.
    """
    named = [
        doubt
        for doubt in doubts
        if doubt.provider_customer_id is not None
        and doubt.provider_customer_id == card.provider_customer_id
        and _plain(doubt.name_on_card) == _plain(card.name_on_card)
    ]
    alike = [doubt for doubt in named if doubt.usd == card.balance]
    fitting = alike or named  # something may have been paid with it already
    if not fitting or all(doubt.is_given_up for doubt in fitting):
        return None
    if any(doubt.is_given_up for doubt in fitting) or (len(fitting) > 1 and not alike):
        return Unsure()
    return min(fitting, key=lambda doubt: doubt.begun_at).card_id


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
