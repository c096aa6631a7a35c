"""What a line of the log may hold, and which category it is of. Pure.

Callers keep secrets out of what they log; this is what stands behind them if one does not. A value is withheld for its
name, or in parts for how it looks: a token, a key in an address, a password in a URL. An SMS code is six digits like
any other, so only its name gives it away, or the words of a provider's protocol before it; so is a card's security
code. A card's number gives itself away (`card_numbers`).

Categories: money (wallets, holds), order (one order's way), provider (accounts and routes), delivery (events, from the
outbox to the sockets), auth (tokens and who is let in), security (who is refused for how they behave), system (the
processes themselves). A line is of the category that it says; else, if it names an order, order; else of its module's.
"""

import re
from collections.abc import Mapping
from typing import Any

from wallet_db.card_numbers import HIDDEN, is_card_number, text_without_card_numbers

CATEGORIES = ("money", "order", "provider", "delivery", "auth", "security", "system")

BY_MODULE: Mapping[str, str] = {
    "gateway": "system",
    "gateway.api.cards.card_webhook": "provider",
    "gateway.auth": "auth",
    "gateway.http": "security",
    "gateway.api.limited": "security",
    "gateway.api.rate_limits": "security",
    "gateway.realtime": "delivery",
    "gateway.realtime.auth_listener": "auth",
    "gateway.realtime.permits": "auth",
    "notifier": "delivery",
    "notifier.__main__": "system",
    "notifier.probes": "system",
    "pollers": "system",
    "pollers.activations": "order",
    "pollers.bulk": "provider",
    "pollers.call_log": "provider",
    "pollers.cards": "order",
    "pollers.calls": "provider",
    "pollers.late": "order",
    "pollers.periodic": "money",
    "pollers.prices": "provider",
    "pollers.purchases": "order",
    "pollers.readings": "provider",
    "pollers.rental_extensions": "order",
    "pollers.rentals": "order",
    "pollers.returns": "provider",
    "pollers.sharing": "provider",
    "wallet_db": "system",
}
"""A module that is not named is of its package's category."""

WITHHELD = HIDDEN
SECRET_NAMES = frozenset({
    "access_token", "api_key", "apikey", "authorization", "bvn", "card_number", "cardnumber", "code", "cookie", "cvc",
    "cvc2", "cvv", "cvv2", "expiry", "id_image", "id_number", "idimage", "idnumber", "jwt", "key", "last4", "lastfour",
    "name_on_card", "nin", "pan", "passwd", "password", "proxy-authorization", "refresh_token", "secret",
    "security_code", "set-cookie", "sms", "text", "ticket", "token", "user_photo", "userphoto",
})  # fmt: skip
_SECRET_NAME = re.compile(r"(?:^|[_-])(?:key|token|secret|password)$", re.IGNORECASE)
"""And whatever ends so: x-api-key, herosms_key, jwt_secret."""
DEPTH_MAX = 4
"""Deeper values are withheld as a whole."""

_ASKS_FOR_A_LOOK = re.compile(r"eyJ|[=:]|bearer", re.IGNORECASE)
"""Most values have none of these."""
_NAMED = (
    r"(?i)((?:\b|(?<=[_-]))(?:(?:access_?|refresh_?)?token|ticket|(?:api[_-]?)?key|password|passwd|pwd|secret"
    r"|authorization|card_?number|pan|cvv2?|cvc2?|security_?code|id_?number)|(?<![\w-])code)"
)
"""What a secret is called where its name stands before it; `error_code` is none."""
_PATTERNS = (
    (re.compile(r"\beyJ[\w-]{4,}(?:\.[\w-]*){1,4}"), WITHHELD),  # a JWT: base64 of {"
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {WITHHELD}"),
    (re.compile(rf"""{_NAMED}(["']?\s*[=:]\s*)(["'])(?!\[withheld)(?:(?!\3).)+"""), rf"\1\2\3{WITHHELD}"),
    (re.compile(rf"""{_NAMED}(["']?\s*[=:]\s*)(?!["']|\[withheld)[^\s&"',;}})\]]+"""), rf"\1\2{WITHHELD}"),
    # Up to the last @, which a password may hold as well.
    (re.compile(r"(\w://[^\s:/]*):(?!\[withheld)(?:(?!://)\S)+@"), rf"\1:{WITHHELD}@"),
    (re.compile(r"\b((?:nats|tls)://)(?!\[withheld)[^\s:/@]+@"), rf"\1{WITHHELD}@"),
    (
        re.compile(r"\b((?:STATUS_OK|STATUS_WAIT_RETRY|FULL_SMS|ACCESS_NUMBER)\s*:\s*)(?!\[withheld)[^\n]+"),
        rf"\1{WITHHELD}",
    ),
)


def category_of(module: str) -> str:
    """Of the nearest package or module that has one."""
    while module:
        if (category := BY_MODULE.get(module)) is not None:
            return category
        module = module.rpartition(".")[0]
    return "system"


def redacted(name: str, value: Any, depth: int = 0) -> Any:
    """The value as the log may hold it under this name."""
    if value is None or isinstance(value, bool):
        return value
    if name.lower() in SECRET_NAMES or _SECRET_NAME.search(name):
        return WITHHELD
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth >= DEPTH_MAX:
            return WITHHELD
        if isinstance(value, Mapping):
            return {str(key): redacted(str(key), inner, depth + 1) for key, inner in value.items()}
        return [redacted("", inner, depth + 1) for inner in value]
    if isinstance(value, int | float):
        return WITHHELD if isinstance(value, int) and is_card_number(str(value)) else value
    return without_secrets(repr(value) if isinstance(value, BaseException) else str(value))


def without_secrets(text: str) -> str:
    """The text without what looks like a secret."""
    text = text_without_card_numbers(text)
    if not _ASKS_FOR_A_LOOK.search(text):
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
