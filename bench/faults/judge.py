"""What must be true of an order when all is over, wherever its worker died: pure.

bought at most once
adopted when bought: no number is paid for that no order here has
refunded if and only if nothing was delivered; charged once, and its price
every SMS that came is shown, and a rental lasts as long here as there
nothing frozen, nothing open; upstream paid for only what was delivered
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

CLOSED = frozenset({"completed", "cancelled", "timeout", "failed", "expired"})


@dataclass(frozen=True, slots=True)
class Sold:
    """A number as the provider's own books have it. state: the simulator's word. delivered: it is to be paid for.

    messages: how many SMS have come. hours: of a rental with its extensions, else 0.
    """

    id: str
    state: str
    delivered: bool
    messages: int = 0
    hours: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """An order as ours have it. charged: what the user has paid in the end. broken: what `check` and `health` found.

    shown: how many SMS. hours: as for Sold. is_told: the operators know that it may run upstream, unknown to us.
    """

    status: str
    provider_order_id: str | None
    price: Decimal
    charged: Decimal
    frozen: Decimal
    broken: tuple[str, ...] = ()
    shown: int = 0
    hours: int = 0
    is_extended: bool = False
    is_told: bool = False

    def is_lost(self, sold: Sequence[Sold]) -> bool:
        """Whether it is a number that nobody can find again, given up as such: refunded once, and told."""
        return self.is_told and self.status == "failed" and self.provider_order_id is None and len(sold) == 1


def outcome_of(end: End, sold: Sequence[Sold]) -> str:
    """In a few words, for the table."""
    bought = "bought" if len(sold) == 1 else "not bought" if not sold else f"bought {len(sold)} times"
    more = f"{', extended' if end.is_extended else ''}{', told' if end.is_lost(sold) else ''}"
    return f"{end.status}, {bought}, {'charged' if end.charged else 'refunded'}{more}"


def faults_of(end: End, sold: Sequence[Sold]) -> list[str]:
    """What is wrong; nothing, if all is as it must be."""
    found = list(end.broken)
    if end.status not in CLOSED:
        found.append(f"still {end.status}")
    if end.frozen:
        found.append(f"{end.frozen} still frozen")
    if len(sold) > 1:
        found.append(f"bought {len(sold)} times")
    if end.is_lost(sold):  # all that can be done where it cannot be looked for: never again, and never without a word
        return found + ([f"charged {end.charged}, the number is lost"] if end.charged else [])
    found += [f"number {each.id} bought and not known here" for each in sold if each.id != end.provider_order_id]
    found += [
        f"{end.shown} of {each.messages} SMS are shown"
        for each in sold
        if each.id == end.provider_order_id and each.messages != end.shown
    ]
    found += [
        f"{each.hours} hours there, {end.hours} here"
        for each in sold
        if each.id == end.provider_order_id and each.hours != end.hours
    ]
    delivered = any(each.delivered for each in sold)
    if end.charged != (end.price if delivered else 0):
        found.append(f"charged {end.charged}, {'an SMS' if delivered else 'nothing'} was delivered")
    found += [
        f"number {each.id} paid for upstream without an SMS ({each.state})"
        for each in sold
        if not each.delivered and each.state != "cancelled"
    ]
    return found
