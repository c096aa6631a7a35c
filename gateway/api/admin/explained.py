"""Why an order stands where it stands, and what an operator can do about it: for people. Pure."""

from dataclasses import dataclass
from typing import Any

OVERDUE_S = 60
"""Pollers look within a second or two; this long after its time nobody looks at an order."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reasons`: sentences, the weightiest first; none for an order that is closed."""

    reasons: list[str]
    may_cancel: bool
    """Asking the provider to cancel makes sense."""
    may_refund: bool
    """The money can be given back without the provider."""


def explain(order: dict[str, Any]) -> Explanation:
    """Of an order as `order.sql` shapes it."""
    if order["closed_at"] is not None:
        return Explanation([], may_cancel=False, may_refund=False)
    reasons = [sentence for sentence in (_overdue(order), _standing(order), _cancel(order)) if sentence]
    is_held = order["kind"] == "activation" and order["status"] in ("ordering", "pending")
    return Explanation(reasons, may_cancel=is_held and order["cancel_requested_at"] is None, may_refund=is_held)


def _overdue(order: dict[str, Any]) -> str | None:
    overdue_s = order["overdue_s"]
    if overdue_s is None or overdue_s < OVERDUE_S:
        return None
    return (
        f"Nobody has looked at it for {overdue_s} s after it was due: the pollers are away, too few,"
        f" or have no account with {order['provider'] or 'any provider'}."
    )


def _standing(order: dict[str, Any]) -> str | None:
    provider, status = order["provider"], order["status"]
    if status == "ordering" and order["purchase_started_at"] is not None:
        return (
            f"A purchase was begun with {provider} at {order['purchase_started_at']} and its outcome is not known:"
            " it may have been bought."
        )
    if status == "ordering":
        last = f"; the last answer was {order['last_outcome']}" if order["last_outcome"] else ""
        return f"No number has been bought yet after {order['attempts']} tries{last}."
    if status == "pending":
        return f"{provider} has sold a number and no SMS has come; it lives until {order['expires_at']}."
    if status == "active":
        return f"The rental runs until {order['expires_at']}."
    if status == "received":
        return "The SMS has come and is paid; the order ends with its number."
    return None


def _cancel(order: dict[str, Any]) -> str | None:
    if order["cancel_requested_at"] is not None:
        return f"A cancel was asked for at {order['cancel_requested_at']}; the provider has not confirmed it."
    if order["cancel_allowed_at"] is not None:
        return f"The provider refused a cancel before {order['cancel_allowed_at']}."
    return None
