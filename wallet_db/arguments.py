"""Values of command-line arguments, as `type=` of argparse: what cannot be read is refused with what was expected."""

from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation


def amount(text: str) -> Decimal:
    """Money above 0, in whole cents."""
    return _amount(text, "an amount like 5.00")


def price(text: str) -> Decimal | None:
    """An amount, or `none`."""
    return None if text == "none" else _amount(text, "an amount like 5.00, or none")


def _amount(text: str, expected: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value < 10**12 or value != value.quantize(Decimal("0.01")):
        raise ArgumentTypeError(f"expected {expected}, got {text!r}")
    return value


def count(text: str) -> int:
    """A whole number, 0 included."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"expected a whole number like 50, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1."""
    value = count(text)
    if value == 0:
        raise ArgumentTypeError("expected a whole number above 0, got '0'")
    return value


def seconds(text: str) -> float:
    """A duration up to an hour."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"expected seconds, above 0 up to 3600, got {text!r}")
    return value
