"""Cursors: a place in a user's stream, opaque to clients and the same for every transport.

Written `epoch-user-seq`: the epoch names the history of events, the user part keeps one user's cursor from being taken
for another's place when a client changes accounts. A cursor that does not fit is no error: its holder gets a snapshot.
"""

import re

_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9a-f]{8})-([0-9]{1,18})")


def write_cursor(epoch: str, user_id: str, seq: int) -> str:
    """The cursor that says: everything up to `seq` is known."""
    return f"{epoch}-{user_id[:8]}-{seq}"


def read_cursor(text: str | None, epoch: str, user_id: str) -> int | None:
    """The seq it stands for; None if it is missing, garbage, of another epoch or another user."""
    match = _CURSOR.fullmatch(text or "")
    if match is None or match[1] != epoch or match[2] != user_id[:8]:
        return None
    return int(match[3])
