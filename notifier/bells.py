"""How many bells are too many: whether writers may ring with each event, or the follower had better look by itself.

A bell is a NOTIFY, and brings its event to the listeners at once; but NOTIFYs commit one after another, under a lock of
the whole server, and each wakes all who listen. As long as hardly anybody waits for that lock bells cost little. When
writers stand in line twice in a row, or ring more often than is any use, there are too many; and when a listener that
does not read has filled a good part of the server's queue, for a full queue refuses every writer's commit. What was too
many is remembered, and forgotten again within some seconds: disks differ by a hundred times in how many commits they
take one after another, and so does one disk from one minute to the next. Pure: counts and seconds in, a verdict out.
"""

from dataclasses import dataclass

RATE_MAX = 2000.0
"""Events a second: from there on batches are cheaper for everybody, whatever the disk."""
RATE_MIN = 20.0
WAITING_MAX = 2
QUEUE_USED_MAX = 0.1
RECOVERY = 1.1
"""What is allowed grows by this factor a second, back to RATE_MAX,"""
RECOVERY_S_MAX = 60.0
"""and is back in that time, however little it was."""
ELAPSED_S_MIN = 0.001
FEW = 0.5
"""Of what is allowed: so that there is no to and fro."""


@dataclass(slots=True)
class Bells:
    """What is known about them."""

    allowed: float = RATE_MAX
    """Events a second."""
    _line_seen: bool = False

    def are_too_many(self, events: int, elapsed_s: float, waiting: int, queue_used: float = 0.0) -> bool:
        """So many events were rung for in so long, and so many writers were waiting for the lock just now."""
        rate = events / max(elapsed_s, ELAPSED_S_MIN)
        in_line, self._line_seen = self._line_seen and waiting > WAITING_MAX, waiting > WAITING_MAX
        if in_line:
            self.allowed = min(self.allowed, max(RATE_MIN, rate * FEW))
            self._line_seen = False
            return True
        self._recover(elapsed_s)
        return rate > self.allowed or queue_used > QUEUE_USED_MAX

    def would_be_few(self, events: int, elapsed_s: float) -> bool:
        """Nobody rang, and so many events came in so long."""
        self._recover(elapsed_s)
        return events / max(elapsed_s, ELAPSED_S_MIN) < self.allowed * FEW

    def _recover(self, elapsed_s: float) -> None:
        self.allowed = min(RATE_MAX, self.allowed * RECOVERY ** min(elapsed_s, RECOVERY_S_MAX))
