"""One row of another application's record of webhooks: accepted as history, or refused with every reason. Pure.

Columns: event, card_id, payload (a JSON object), received_at; and event_id, where there is one. What was never checked
is not believed: the history says of each that its signature is not valid, and nothing is done about it. Numbers and
codes are withheld from the payload; anywhere else in the row they refuse it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from wallet_db.card_numbers import without_card_numbers
from wallet_db.import_cards.rows import leaks_of

COLUMNS = ("event", "card_id", "payload", "received_at")
PAYLOAD_BYTES_MAX = 65_536

_EVENT = re.compile(r"[A-Za-z][\w.:-]{0,99}")
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_CARD_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}|")


@dataclass(frozen=True, slots=True)
class ImportedWebhook:
    """event_id: theirs, or a digest of what the row says. provider_card_id: None if it was about no card."""

    event_id: str
    event: str
    provider_card_id: str | None
    payload: Mapping[str, Any]
    received_at: datetime


def lacking_columns(header: list[str]) -> list[str]:
    """Those a file of webhooks must have and this one has not."""
    return [column for column in COLUMNS if column not in header]


def webhook_of(row: Mapping[str, str]) -> ImportedWebhook | list[str]:
    """The webhook, or why not: a line for each fault. Times without a zone are UTC."""
    if leaks := leaks_of({column: value for column, value in row.items() if column != "payload"}):
        return leaks
    faults: list[str] = []
    event, card_id = row["event"].strip(), row["card_id"].strip()
    if not _EVENT.fullmatch(event):
        faults.append("event: expected its name, like virtualcard.created.complete")
    if not _CARD_ID.fullmatch(card_id):
        faults.append("card_id: expected nothing, or 1 to 64 letters, digits, - and _")
    payload = _payload(row["payload"], faults)
    received_at = _time(row["received_at"], faults)
    event_id = row.get("event_id", "").strip() or _digest(event, card_id, payload, row["received_at"])
    if not _EVENT_ID.fullmatch(event_id):
        faults.append("event_id: expected up to 200 characters of ASCII without spaces")
    if faults or payload is None or received_at is None:
        return faults
    return ImportedWebhook(event_id, event, card_id or None, payload, received_at)


def _payload(text: str, faults: list[str]) -> dict[str, Any] | None:
    try:
        payload = orjson.loads(text) if len(text) <= PAYLOAD_BYTES_MAX else None
    except orjson.JSONDecodeError:
        payload = None
    if isinstance(payload, dict):
        withheld: dict[str, Any] = without_card_numbers(payload)
        return withheld
    faults.append(f"payload: expected a JSON object of at most {PAYLOAD_BYTES_MAX} characters")
    return None


def _time(text: str, faults: list[str]) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        faults.append("received_at: expected a time like 2025-01-31 12:00:00")
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _digest(*parts: object) -> str:
    """Of what may be kept: a number that was withheld could be guessed from a digest."""
    return "import:" + hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
