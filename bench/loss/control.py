"""The control: one event spoiled on its way to a client, to see that the verdict finds it and names it.

Pure. It stands where the wire ends and the client begins, so that everything behind it is tried: the account, the
comparison with the rows, and the exit status.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from bench.loss.transports import Message

Spoiling: TypeAlias = Literal["lost", "doubled", "reordered", "altered"]
SPOILINGS: tuple[Spoiling, ...] = ("lost", "doubled", "reordered", "altered")


class Spoiler:
    """Spoils the event number `at` that comes by, once."""

    def __init__(self, spoiling: Spoiling, at: int) -> None:
        self._spoiling = spoiling
        self._left = at
        self._kept: Message | None = None
        self._lost_seq: int | None = None

    def spoil(self, message: Message) -> Sequence[Message]:
        """What the client gets instead: as a rule, the message."""
        self._left -= 1
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return (message, kept)
        if message["seq"] == self._lost_seq:
            return ()  # however often a reconnect brings it
        if self._left != 0:
            return (message,)
        if self._spoiling == "lost":
            self._lost_seq = message["seq"]
            return ()
        if self._spoiling == "doubled":
            return (message, message)
        if self._spoiling == "reordered":
            self._kept = message
            return ()
        return ({**message, "data": {**message["data"], "balance": "0.00"}},)
