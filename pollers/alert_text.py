"""What is said of alerts: a subject, lines for people, and the JSON that a webhook is sent. Pure.

Of a row's data only the keys in TOLD leave the database, and of words that a provider said only those without digits:
whatever an SMS code may be part of stays here. One message tells of all alerts there are to tell, however many.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pollers.excerpts import masked
from wallet_db.alerts import Alert, EndedAlert

LINES_MAX = 20
VALUE_CHARS_MAX = 120
TOLD = (
    "provider", "method", "scope", "service", "country", "user_id", "activation_id", "rental_id", "status", "problem",
    "amount", "policy", "before", "after", "tries", "delivered", "operations", "until", "pause_s", "reason",
)  # fmt: skip
"""Of a row's data, in this order."""
SAID_BY_OTHERS = frozenset({"reason"})
_NOT_IN_CHAT = re.compile(r"[<>&@`|\s]+")
"""With these, a provider's words could address people in a chat, or look like a link."""


@dataclass(frozen=True, slots=True)
class Message:
    """What all channels are given. body: for the webhook."""

    subject: str
    text: str
    body: Mapping[str, Any]


def message_of(alerts: Sequence[Alert]) -> Message:
    """One message for one alert or many, the worst first."""
    shown, more = alerts[:LINES_MAX], max(0, len(alerts) - LINES_MAX)
    lines = [_line(alert) for alert in shown]
    if more:
        lines.append(f"and {more} more: select * from alerts where closed_at is null")  # noqa: S608 - words
    subject = _subject(alerts)
    text = "\n".join([subject, *lines])
    body = {"text": text, "alerts": [_json(alert) for alert in shown], "over": [], "more": more}
    return Message(subject, text, body)


def over_message(alerts: Sequence[EndedAlert]) -> Message:
    """One message for one alert or many that are over, the oldest first."""
    shown, more = alerts[:LINES_MAX], max(0, len(alerts) - LINES_MAX)
    first = _short(alerts[0].message)
    subject = f"OneSMS over: {first}" if len(alerts) == 1 else f"OneSMS: {len(alerts)} alerts are over, first: {first}"
    lines = [_over_line(alert) for alert in shown]
    if more:
        lines.append(f"and {more} more: select * from alerts where closed_at is not null order by closed_at desc")  # noqa: S608 - words
    text = "\n".join([subject, *lines])
    over = [_json(alert) | {"closed_at": _time(alert.closed_at), "closed_by": alert.closed_by} for alert in shown]
    return Message(subject, text, {"text": text, "alerts": [], "over": over, "more": more})


def trial_message(process: str) -> Message:
    """To see that a channel works."""
    subject = "OneSMS: a trial, nothing is wrong"
    text = f"{subject}\nsent by hand from {process}"
    return Message(subject, text, {"text": text, "alerts": [], "over": [], "more": 0})


def _subject(alerts: Sequence[Alert]) -> str:
    worst = alerts[0]
    if len(alerts) == 1:
        return f"OneSMS {worst.level}: {_short(worst.message)}"
    same = sum(alert.level == worst.level for alert in alerts)
    return f"OneSMS: {len(alerts)} alerts, {same} {worst.level}, first: {_short(worst.message)}"


def _line(alert: Alert) -> str:
    facts = ", ".join(f"{key} {value}" for key, value in _facts(alert.data).items())
    times = f"{alert.times} times since {_time(alert.first_at)}, last " if alert.times > 1 else ""
    again = "again: " if alert.told_times else ""
    return f"[{alert.level}] {again}{_short(alert.message)} ({alert.source}) {facts}; {times}{_time(alert.last_at)}"


def _over_line(alert: EndedAlert) -> str:
    facts = ", ".join(f"{key} {value}" for key, value in _facts(alert.data).items())
    how = "what caused it is no more" if alert.closed_by == "ended" else f"not since {_time(alert.last_at)}"
    times = f"{alert.times} times since {_time(alert.first_at)}"
    return f"[over] {_short(alert.message)} ({alert.source}) {facts}; {times}, {how}"


def _json(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "level": alert.level,
        "source": alert.source,
        "message": _short(alert.message),
        "data": _facts(alert.data),
        "first_at": _time(alert.first_at),
        "last_at": _time(alert.last_at),
        "times": alert.times,
        "told_times": alert.told_times,
    }


def _facts(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: _short(masked(str(value)) if key in SAID_BY_OTHERS else str(value))
        for key in TOLD
        if isinstance(value := data.get(key), str | int | float)
    }


def _short(text: str) -> str:
    text = _NOT_IN_CHAT.sub(" ", text).strip()
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}…"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
