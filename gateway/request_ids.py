"""Request ids: a name for each request, the client's own if it sent a sane one, else made here.

It is in the answer's `X-Request-Id`, in the body of a refusal, and in every line that is logged meanwhile; so what a
user reports leads to what was logged. It names nothing else: two requests may bear the same.
"""

import re
import secrets
from collections.abc import Iterable

HEADER = b"x-request-id"
SCOPE = "onesms.request_id"
"""Where a request keeps it, in its ASGI scope."""

_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~:+/=-]{0,127}")


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The request's own id, if it is one that a log can take, else a new one. Names in `headers` are in lower case."""
    sent = next((value for name, value in headers if name == HEADER), b"")
    return sent.decode() if _SANE.fullmatch(sent) else secrets.token_hex(12)
