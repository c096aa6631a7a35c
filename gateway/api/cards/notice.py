"""What a card webhook says, as far as it is kept. Pure.

A hint names the card to look at; nothing else in it is believed. Of the rest only the names below are kept, with short
plain values: neither a number, security code, expiry nor a holder's name gets into the database by this way, whatever
the sender puts in and wherever. Our own names of events and the provider's are taken alike.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from wallet_db.card_numbers import text_without_card_numbers

KEPT = frozenset({
    "amount", "balance", "balanceBeforeTermination", "centAmount", "createdAt", "createdStatus", "credited", "currency",
    "date", "fee", "method", "mode", "reason", "reference", "status", "type",
})  # fmt: skip
CARD_NAMES = ("cardId", "card_id")
VALUE_CHARS_MAX = 200
NAME_CHARS_MAX = 100

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_EVENT = re.compile(r"[a-z][a-z0-9_.-]{0,99}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook's words."""

    event_id: str
    """The same for the same webhook sent again."""
    event: str
    """`unknown` if it says none, or none that could be one."""
    provider_card_id: str | None
    payload: dict[str, Any]
    """What is kept of it."""


def read_notice(body: bytes) -> Notice | None:
    """None: not an object of JSON. What is told may stand in it or one step down, in `data`."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    inner = said.get("data")
    told = {**inner, **said} if isinstance(inner, dict) else said
    event = _matching(_EVENT, told.get("event")) or "unknown"
    card_ids = (_matching(_ID, told.get(name)) for name in CARD_NAMES)
    return Notice(
        event_id=_event_id(told, event, body),
        event=event,
        provider_card_id=next((card_id for card_id in card_ids if card_id and not _seems_secret(card_id)), None),
        payload={name: kept for name in sorted(KEPT & told.keys()) if (kept := _plain(told[name])) is not None},
    )


def _event_id(told: dict[str, Any], event: str, body: bytes) -> str:
    """The sender's own id of the event; else that of what it tells of, with its name; else a digest of it all.

    Whose `id` that is, is not documented: with the event's name, one card's events are not taken for one another.
    """
    if (own := _matching(_ID, told.get("event_id"))) and not _seems_secret(own):
        return own
    if (of_object := _matching(_ID, told.get("id"))) and not _seems_secret(of_object):
        return f"{event}:{of_object}"
    return f"sha256:{sha256(body).hexdigest()}"


def _matching(pattern: re.Pattern[str], value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if pattern.fullmatch(text) else None


def _seems_secret(text: str) -> bool:
    return text_without_card_numbers(text) != text


def _plain(value: Any) -> str | int | float | bool | None:
    """As it may be kept; None: not at all."""
    if isinstance(value, str):
        return text_without_card_numbers(value.replace("\0", ""))[:VALUE_CHARS_MAX]
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return None if _seems_secret(str(value)) else value
    return None
