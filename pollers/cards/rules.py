"""Velocity rules: how much may happen on a card, or on all cards of a user, within a time. Pure.

A rule is a JSON object, so that one more is a row and no release:

    {"name": "many payments", "window_s": 3600, "count_max": 10, "per": "card", "then": "block"}
    {"name": "much in a day", "window_s": 86400, "usd_max": "2000.00", "per": "user", "then": "alert"}

Exactly one of count_max and usd_max is given. A window ends with a transaction and begins window_s before it, that
moment left out. count_max counts transactions, usd_max adds up what they took from cards. types, statuses: only these
count; without statuses, those that came to nothing (UNMADE) do not. A subject beyond the maximum is a hit once within a
window, however many transactions follow. Whether a rule acts or is only tried out is not the rule's to say.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias, cast
from uuid import UUID

from wallet_db.card_rules import CardTransaction

UNMADE = frozenset({"declined", "failed", "reversed"})
WINDOW_S_MIN, WINDOW_S_MAX = 1, 30 * 86_400
COUNT_MAX = 1_000_000
USD_MAX = Decimal(10**9)
NAME_CHARS_MAX = 64
WORDS_MAX = 20
"""Types or statuses that a rule names."""

Per: TypeAlias = Literal["card", "user"]
Then: TypeAlias = Literal["alert", "block"]
_KEYS = ("name", "window_s", "count_max", "usd_max", "types", "statuses", "per", "then")


class RuleInvalid(ValueError):
    """faults: a line for each, saying what was expected and what came."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. count_max, usd_max: exactly one is not None. types, statuses: None is any (but UNMADE)."""

    name: str
    window: timedelta
    count_max: int | None
    usd_max: Decimal | None
    types: frozenset[str] | None
    statuses: frozenset[str] | None
    per: Per
    then: Then


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject, a card or a user, is beyond a rule's maximum. at: of the transaction that ends the window.

    card_ids: of the transactions in the window, in their order. count, usd (taken from cards): of the window.
    """

    rule: str
    subject: UUID
    user_id: UUID
    card_ids: tuple[UUID, ...]
    at: datetime
    count: int
    usd: Decimal


def parse_rule(document: object) -> Rule:
    """Make a rule of parsed JSON. Raises RuleInvalid with all its faults."""
    if not isinstance(document, Mapping):
        raise RuleInvalid([f"expected an object, got {_shown(document)}"])
    faults = [f"{_shown(key)}: no such key, expected {', '.join(_KEYS)}" for key in document if key not in _KEYS]
    name = _text(document, faults)
    window_s = _whole(document, "window_s", WINDOW_S_MIN, WINDOW_S_MAX, faults)
    count_max = _whole(document, "count_max", 0, COUNT_MAX, faults) if "count_max" in document else None
    usd_max = _usd(document["usd_max"], faults) if "usd_max" in document else None
    if ("count_max" in document) == ("usd_max" in document):
        faults.append("count_max, usd_max: expected exactly one of them")
    types, statuses = _words(document, "types", faults), _words(document, "statuses", faults)
    per = _one_of(document, "per", ("card", "user"), faults)
    then = _one_of(document, "then", ("alert", "block"), faults)
    if faults:
        raise RuleInvalid(faults)
    return Rule(
        name, timedelta(seconds=window_s), count_max, usd_max, types, statuses, cast("Per", per), cast("Then", then)
    )


def judge(rule: Rule, transactions: Iterable[CardTransaction]) -> list[Hit]:
    """All hits, in the order of time: of each subject the first moment beyond, and the next ones a window apart."""
    hits: list[Hit] = []
    hit_at: dict[UUID, datetime] = {}
    for hit in beyond(rule, transactions):
        before = hit_at.get(hit.subject)
        if before is None or hit.at >= before + rule.window:
            hit_at[hit.subject] = hit.at
            hits.append(hit)
    return hits


def beyond(rule: Rule, transactions: Iterable[CardTransaction]) -> Iterator[Hit]:
    """Every transaction that ends a window beyond the maximum, in the order of time."""
    windows: dict[UUID, deque[CardTransaction]] = {}
    for transaction in sorted(transactions, key=lambda each: (each.at, each.id)):
        if not _counts(rule, transaction):
            continue
        subject = transaction.card_id if rule.per == "card" else transaction.user_id
        window = windows.setdefault(subject, deque())
        window.append(transaction)
        while window[0].at <= transaction.at - rule.window:
            window.popleft()
        count, usd = len(window), sum((_taken(each) for each in window), Decimal(0))
        if (rule.count_max is not None and count > rule.count_max) or (rule.usd_max is not None and usd > rule.usd_max):
            cards = tuple(dict.fromkeys(each.card_id for each in window))
            yield Hit(rule.name, subject, transaction.user_id, cards, transaction.at, count, usd)


def _counts(rule: Rule, transaction: CardTransaction) -> bool:
    if rule.types is not None and transaction.type not in rule.types:
        return False
    if rule.statuses is not None:
        return transaction.status in rule.statuses
    return transaction.status not in UNMADE


def _taken(transaction: CardTransaction) -> Decimal:
    return max(-transaction.usd, Decimal(0))


def _text(document: Mapping[str, object], faults: list[str]) -> str:
    name = document.get("name")
    if isinstance(name, str) and 1 <= len(name) <= NAME_CHARS_MAX and name.isprintable() and name == name.strip():
        return name
    faults.append(f"name: expected 1 to {NAME_CHARS_MAX} printable characters, got {_shown(name)}")
    return ""


def _whole(document: Mapping[str, object], key: str, least: int, most: int, faults: list[str]) -> int:
    value = document.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    faults.append(f"{key}: expected a whole number from {least} to {most}, got {_shown(value)}")
    return 0


def _usd(value: object, faults: list[str]) -> Decimal | None:
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount.is_finite() and 0 <= amount < USD_MAX and amount == amount.quantize(Decimal("0.01")):
        return amount
    faults.append(f'usd_max: expected an amount as a string like "500.00", got {_shown(value)}')
    return None


def _words(document: Mapping[str, object], key: str, faults: list[str]) -> frozenset[str] | None:
    words = document.get(key)
    if words is None and key not in document:
        return None
    if (
        isinstance(words, list)
        and 1 <= len(words) <= WORDS_MAX
        and all(isinstance(word, str) and word for word in words)
    ):
        return frozenset(words)
    faults.append(f"{key}: expected a list of 1 to {WORDS_MAX} words, got {_shown(words)}")
    return None


def _one_of(document: Mapping[str, object], key: str, words: tuple[str, ...], faults: list[str]) -> str:
    value = document.get(key)
    if isinstance(value, str) and value in words:
        return value
    faults.append(f"{key}: expected {' or '.join(words)}, got {_shown(value)}")
    return ""


def _shown(value: object) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"
