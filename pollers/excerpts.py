"""The beginning of a provider's answer as logs may hold it. Pure."""

import re

_NOT_FOR_LOGS = re.compile(r"[\w-]*\d[\w-]*|[^\w\s!-~]")
"""What may be an SMS code, which no log may hold, and what is no text, which no JSON column takes."""


def masked(raw: str) -> str:
    """Without anything that has a digit in it, or is no text."""
    return _NOT_FOR_LOGS.sub("…", raw)
