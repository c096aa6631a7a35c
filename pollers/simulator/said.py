"""What a dialect answers, before it is HTTP. Pure."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. body: None is empty, a string is plain text, everything else is JSON.

    media_type: None for the one that fits the body.
    """

    http_status: int
    body: Any
    media_type: str | None = None
