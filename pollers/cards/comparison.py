"""Our side of a card beside its provider's: what differs, and what of it the provider's word may set right. Pure.

    balance   ours is the provider's last word, and it says another by now: money moved and nobody told us
    status    likewise; only a transition that a card can make is made, the others are a person's
    missing   the provider does not know a card that is open here

A card that is over here and unknown there is no mismatch, and what is left on one that is over is nobody's balance.
"""

from dataclasses import dataclass

from pollers.cards.contract import Card, CardStatus
from pollers.cards.thresholds import CENT
from wallet_db.card_reconciliations import ComparedCard

OVER = frozenset({CardStatus.TERMINATED, CardStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Mismatch:
    """kind: balance, status or missing. ours, theirs: a balance in USD, a status, or None where there is none."""

    kind: str
    ours: str | None
    theirs: str | None


def mismatches_of(ours: ComparedCard, theirs: Card | None) -> list[Mismatch]:
    """What differs. theirs: None if the provider does not know the card."""
    is_over = ours.status in OVER
    if theirs is None:
        return [] if is_over else [Mismatch("missing", ours.status, None)]
    found = []
    if theirs.status != ours.status and not (is_over and theirs.status in OVER):
        found.append(Mismatch("status", ours.status, str(theirs.status)))
    if theirs.balance is not None and not is_over and abs(theirs.balance - ours.balance) >= CENT:
        found.append(Mismatch("balance", f"{ours.balance:.2f}", f"{theirs.balance:.2f}"))
    return found
