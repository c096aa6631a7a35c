"""Why an order stands where it stands, and what an operator can do about it: for people. Pure."""

from dataclasses import dataclass
from typing import Any

OVERDUE_S = 60
"""Pollers look within a second or two; this long after its time nobody looks at an order."""
RENTAL_CANCEL_S = 20 * 60
"""After the purchase; `request_rental_cancel` refuses what comes later."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reasons`: sentences, the weightiest first; none for an order that is closed."""

    reasons: list[str]
    may_cancel: bool
    """Asking the provider to cancel makes sense."""
    may_refund: bool
    """The money can be given back without the provider."""
    may_close: bool
    """A rental that can be ended with its money kept."""


def explain(order: dict[str, Any]) -> Explanation:
    """Of an order as `order.sql` or `stuck.sql` shapes it."""
    if order["closed_at"] is not None:
        return Explanation([], may_cancel=False, may_refund=False, may_close=False)
    reasons = [sentence for sentence in (_overdue(order), _standing(order), _cancel(order)) if sentence]
    is_rental, status = order["kind"] == "rental", order["status"]
    holds = status in (("ordering", "active") if is_rental else ("ordering", "pending"))
    is_in_time = not is_rental or (order["purchased_s"] or 0) < RENTAL_CANCEL_S
    return Explanation(
        reasons,
        may_cancel=holds and is_in_time and order["cancel_requested_at"] is None,
        may_refund=holds,
        may_close=is_rental and status == "active",
    )


def _overdue(order: dict[str, Any]) -> str | None:
    overdue_s = order["overdue_s"]
    if overdue_s is None or overdue_s < OVERDUE_S:
        return None
    return (
        f"Nobody has looked at it for {_long(overdue_s)} after it was due: the pollers are away, too few,"
        f" or have no account with {order['provider'] or 'any provider'}."
    )


def _standing(order: dict[str, Any]) -> str | None:
    provider, status = order["provider"], order["status"]
    if status == "ordering" and order["purchase_started_at"] is not None:
        return (
            f"A purchase was begun with {provider} at {_moment(order['purchase_started_at'])} and its outcome is not"
            f" known: it may have been bought. Nothing else is bought until {provider} has told."
        )
    if status == "ordering":
        last = f"; the last answer was {order['last_outcome']}" if order["last_outcome"] else ""
        times = "once" if order["attempts"] == 1 else f"{order['attempts']} times"
        return f"No number has been bought yet; providers were asked {times}{last}."
    if status == "pending" and order["is_past_end"]:
        return (
            f"{provider} has sold a number and no SMS has come. Its time was over at {_moment(order['expires_at'])};"
            f" it ends when {provider} confirms that."
        )
    if status == "pending":
        return f"{provider} has sold a number and no SMS has come; it lives until {_moment(order['expires_at'])}."
    if status == "active" and order["is_past_end"]:
        return f"The rental was over at {_moment(order['expires_at'])} and has not been ended."
    if status == "active":
        return f"The rental runs until {_moment(order['expires_at'])}."
    if status == "received":
        return "The SMS has come and is paid; the order ends with its number."
    return None


def _cancel(order: dict[str, Any]) -> str | None:
    if order["cancel_requested_at"] is not None:
        return f"A cancel was asked for at {_moment(order['cancel_requested_at'])}; the provider has not confirmed it."
    if order["cancel_allowed_at"] is not None:
        return f"The provider refused a cancel before {_moment(order['cancel_allowed_at'])}."
    return None


def _moment(iso: str) -> str:
    """`2026-11-21T16:20:00.000Z` as people read it; the page shows the reader's own zone beside it."""
    return f"{iso[:10]} {iso[11:19]} UTC"


def _long(seconds: int) -> str:
    """90 s, 12 min, 5 h."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 2 * 3600 else f"{seconds // 3600} h"
