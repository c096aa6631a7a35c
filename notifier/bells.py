"""How many bells are too many: whether writers may ring with each event, or the follower had better look by itself.

A bell is a NOTIFY, and brings its event to the listeners at once; but NOTIFYs commit one after another, under a lock of
the whole server, and each wakes all who listen. As long as hardly anybody waits for that lock bells cost little. When
writers stand in line look after look, or ring more often than is any use, there are too many; and when a listener that
does not read has filled a good part of the server's queue, for a full queue refuses every writer's commit. What was too
many is remembered, and forgotten again, for disks differ by a hundred times in how many commits they take one after
another, and so does one disk from one minute to the next. One line tells little and is forgotten within seconds; a disk
that is slow makes one after the other, and is remembered for up to a minute.
Pure: counts and seconds in, a verdict out.
"""

from dataclasses import dataclass

RATE_MAX = 2000.0
"""Events a second: from there on batches are cheaper for everybody, whatever the disk."""
RATE_MIN = 20.0
RATE_WINDOW_S = 0.2
"""A rate is judged over so long at least: after one slow commit all who waited for it come at once."""
WAITING_MAX = 2
IN_LINE_S = 0.4
"""They stood there at every look for so long,"""
LOOKS_MOVING = 2
"""and at so many of these looks some had got through: where nobody does, one commit has stalled, as on every
disk. A shared disk stalls for some 10 ms many times a second: there somebody waited at four looks in a row (0.2 s)
every few seconds, at a third of the rate that it took one after another."""
LOWERED = 0.5
"""One line lowers what is allowed to this part at most: in a line few ring, so the rate of that time would allow next
to nothing, and one short line would be remembered for long. In return writers on a slow disk stand in line 5 to 8 % of
the time, with a quarter 3 to 5 % (by a model)."""
QUEUE_USED_MAX = 0.1
RECOVERY = 1.1
"""What is allowed grows by this factor a second, back to RATE_MAX,"""
RECOVERY_S_MAX = 60.0
"""and is back in that time, however little it was."""
ELAPSED_S_MIN = 0.001
FEW = 0.75
"""Of what is allowed: so that there is no to and fro."""


@dataclass(slots=True)
class Bells:
    """What is known about them."""

    allowed: float = RATE_MAX
    """Events a second."""
    _in_line_s: float = 0.0
    _looks_moving: int = 0
    _events: int = 0
    _elapsed_s: float = 0.0
    """Of the window that is not judged yet."""

    def are_too_many(self, events: int, elapsed_s: float, waiting: int, queue_used: float = 0.0) -> bool:
        """So many events were rung for in so long, and so many writers were waiting for the lock just now."""
        self._events += events
        self._elapsed_s += elapsed_s
        rate = self._events / max(self._elapsed_s, ELAPSED_S_MIN)
        if waiting > WAITING_MAX:
            self._in_line_s += elapsed_s
            self._looks_moving += events > 0
        else:
            self._leave_line()
        if in_line := self._in_line_s >= IN_LINE_S and self._looks_moving >= LOOKS_MOVING:
            self.allowed = min(self.allowed, max(RATE_MIN, rate * FEW, self.allowed * LOWERED))
        else:
            self._recover(elapsed_s)
        is_judged = self._elapsed_s >= RATE_WINDOW_S
        too_many = in_line or queue_used > QUEUE_USED_MAX or (is_judged and rate > self.allowed)
        if too_many or is_judged:
            self._events, self._elapsed_s = 0, 0.0
        if too_many:
            self._leave_line()
        return too_many

    def would_be_few(self, events: int, elapsed_s: float) -> bool:
        """Nobody rang, and so many events came in so long."""
        self._recover(elapsed_s)
        return events / max(elapsed_s, ELAPSED_S_MIN) < self.allowed * FEW

    def _leave_line(self) -> None:
        self._in_line_s, self._looks_moving = 0.0, 0

    def _recover(self, elapsed_s: float) -> None:
        self.allowed = min(RATE_MAX, self.allowed * RECOVERY ** min(elapsed_s, RECOVERY_S_MAX))
