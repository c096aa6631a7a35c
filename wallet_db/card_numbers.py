"""What looks like the number of a payment card, or is called a card's secret, and values without it. Pure.

A number is 13 to 19 digits, in one piece or in groups parted by single spaces or hyphens, that begin as a card's do and
whose last is their check digit (ISO/IEC 7812-1, annex B: Luhn). One of ten other digits of that length passes for one:
in a log that is no loss. Ids of ours are left alone: no uuid is broken up, whatever its digits say. A security code is
three digits like any other; only its name gives it away.
"""

import re
from collections.abc import Mapping
from typing import Any

DIGITS_MIN, DIGITS_MAX = 13, 19
HIDDEN = "[withheld]"
DEPTH_MAX = 8
"""Deeper values are withheld as a whole."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID_OR_DIGITS = re.compile(rf"({_UUID})|[0-9](?:[ -]?[0-9]){{{DIGITS_MIN - 1},}}")
_BEGINS = re.compile(r"4|5|6|3[0-8]|2[2-7]")
"""Visa; Mastercard and Maestro; Discover and UnionPay; American Express, Diners, JCB; Mir and younger Mastercards."""
_SEEMS = re.compile(r"[0-9](?:[ -]?[0-9]){12}")
_SECRET_NAMES = frozenset({"cardnumber", "cvc", "cvc2", "cvv", "cvv2", "pan", "pin", "securitycode"})
_NO_LETTER = re.compile(r"[^a-z0-9]")


def is_card_number(digits: str) -> bool:
    """Whether these, digits only, may be a card's number."""
    return (
        DIGITS_MIN <= len(digits) <= DIGITS_MAX
        and digits.isascii()
        and digits.isdigit()
        and _BEGINS.match(digits) is not None
        and _check_sum(digits) % 10 == 0
    )


def is_secret_name(name: str) -> bool:
    """Whether what is called so never rests anywhere: `cvv`, `card_number`, `Card Number`."""
    return _NO_LETTER.sub("", name.lower()) in _SECRET_NAMES


def has_card_number(text: str) -> bool:
    """Whether there is one in it."""
    return text_without_card_numbers(text) != text


def text_without_card_numbers(text: str) -> str:
    """The text with each withheld."""
    return _UUID_OR_DIGITS.sub(_hidden, text) if _SEEMS.search(text) else text


def without_card_numbers(value: Any, depth: int = 0) -> Any:
    """A value of JSON with each withheld, and with what is called a card's secret."""
    if isinstance(value, str):
        return text_without_card_numbers(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return HIDDEN if is_card_number(str(value)) else value
    if not isinstance(value, Mapping | list):
        return value
    if depth >= DEPTH_MAX:
        return HIDDEN
    if isinstance(value, list):
        return [without_card_numbers(each, depth + 1) for each in value]
    return {
        text_without_card_numbers(name): HIDDEN if is_secret_name(name) else without_card_numbers(each, depth + 1)
        for name, each in value.items()
    }


def _hidden(found: re.Match[str]) -> str:
    if found[1] is not None:
        return found[1]
    parts = re.split(r"([ -])", found[0])  # groups of digits, and between them what parts them
    at = 0
    while at < len(parts):
        for end in range(min(len(parts), at + 2 * DIGITS_MAX - 1), at, -2):
            if is_card_number("".join(parts[at:end:2])):
                parts[at:end] = [HIDDEN]
                break
        at += 2
    return "".join(parts)


def _check_sum(digits: str) -> int:
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(int(digit) if at % 2 else doubled[int(digit)] for at, digit in enumerate(reversed(digits), 1))
