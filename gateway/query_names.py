"""Names in an address's query: known to what is served there, or refused. Pure.

A name that is misspelt would else be passed over, and a filter, a cursor or a limit with it. A token may come with any
address (`access_token`); everything else an operation names in its query model.
"""

from collections.abc import Collection
from urllib.parse import parse_qsl

from gateway.errors import ApiError

TOKEN_NAME = "access_token"  # noqa: S105 - not one itself
STREAM_NAMES = ("cursor", "ticket")
POLL_NAMES = (*STREAM_NAMES, "wait")
"""Of the transports, which read their requests themselves."""
NAME_CHARS_MAX = 50


def refuse_unknown_names(query: bytes, known: Collection[str]) -> None:
    """Raises ApiError BAD_REQUEST with the names expected. known: in the order to tell them."""
    if not query:
        return
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known and name != TOKEN_NAME:
            expected = ", ".join(known) or "no parameter"
            raise ApiError("BAD_REQUEST", f"{name[:NAME_CHARS_MAX]}: not known here; expected {expected}")
