"""How many bells are too many: whether writers may ring with each event, or the follower had better look by itself.

A bell is a NOTIFY, and brings its event to the listeners at once; but NOTIFYs commit one after another, under a lock of
the whole server. As long as nobody waits for that lock bells cost nothing that matters. When writers stand in line
twice in a row, or ring more often than is any use, there are too many. What was too many is remembered, and forgotten
again within some seconds: disks differ by a hundred times in how many commits they take one after another, and so does
one disk from one minute to the next. Pure: counts and seconds in, a verdict out.
"""

from dataclasses import dataclass

RATE_MAX = 2000.0
"""Events a second: from there on batches are cheaper for everybody, whatever the disk."""
RATE_MIN = 20.0
WAITING_MAX = 2
RECOVERY = 1.1
"""What is allowed grows by this factor a second, back to RATE_MAX."""
FEW = 0.5
"""Of what is allowed: so that there is no to and fro."""


@dataclass(slots=True)
class Bells:
    """What is known about them."""

    allowed: float = RATE_MAX
    """Events a second."""
    _line_seen: bool = False

    def are_too_many(self, events: int, elapsed_s: float, waiting: int) -> bool:
        """So many events were rung for in so long, and so many writers were waiting for the lock just now."""
        rate = events / elapsed_s
        in_line, self._line_seen = self._line_seen and waiting > WAITING_MAX, waiting > WAITING_MAX
        if in_line:
            self.allowed = min(self.allowed, max(RATE_MIN, rate * FEW))
            self._line_seen = False
            return True
        self._recover(elapsed_s)
        return rate > self.allowed

    def would_be_few(self, events: int, elapsed_s: float) -> bool:
        """Nobody rang, and so many events came in so long."""
        self._recover(elapsed_s)
        return events / elapsed_s < self.allowed * FEW

    def _recover(self, elapsed_s: float) -> None:
        self.allowed = min(RATE_MAX, self.allowed * RECOVERY**elapsed_s)
