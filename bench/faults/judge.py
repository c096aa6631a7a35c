"""What must be true of an order when all is over, wherever its worker died: pure.

bought at most once
adopted when bought: no number is paid for that no order here has
refunded if and only if nothing was delivered; charged once, and its price
nothing frozen, nothing open; upstream paid for only what was delivered
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

CLOSED = frozenset({"completed", "cancelled", "timeout", "failed", "expired"})


@dataclass(frozen=True, slots=True)
class Sold:
    """A number as the provider's own books have it. state: the simulator's word. delivered: an SMS has come."""

    id: str
    state: str
    delivered: bool


@dataclass(frozen=True, slots=True)
class End:
    """An order as ours have it. charged: what the user has paid in the end. broken: what `check` and `health` found."""

    status: str
    provider_order_id: str | None
    price: Decimal
    charged: Decimal
    frozen: Decimal
    broken: tuple[str, ...] = ()


def outcome_of(end: End, sold: Sequence[Sold]) -> str:
    """In a few words, for the table."""
    bought = "bought" if len(sold) == 1 else "not bought" if not sold else f"bought {len(sold)} times"
    return f"{end.status}, {bought}, {'charged' if end.charged else 'refunded'}"


def faults_of(end: End, sold: Sequence[Sold]) -> list[str]:
    """What is wrong; nothing, if all is as it must be."""
    found = list(end.broken)
    if end.status not in CLOSED:
        found.append(f"still {end.status}")
    if end.frozen:
        found.append(f"{end.frozen} still frozen")
    if len(sold) > 1:
        found.append(f"bought {len(sold)} times")
    found += [f"number {each.id} bought and not known here" for each in sold if each.id != end.provider_order_id]
    delivered = any(each.delivered for each in sold)
    if end.charged != (end.price if delivered else 0):
        found.append(f"charged {end.charged}, {'an SMS' if delivered else 'nothing'} was delivered")
    found += [
        f"number {each.id} paid for upstream without an SMS ({each.state})"
        for each in sold
        if not each.delivered and each.state != "cancelled"
    ]
    return found
