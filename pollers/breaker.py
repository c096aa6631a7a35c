"""Whether a provider that does not answer is asked at all: a circuit breaker. Pure.

                 FAULTS_MAX in a row, within WINDOW_S               the pause is over
        closed ───────────────────────────────────────► open ──────────────────────────► half open
           ▲                                              ▲                                  │ one probe
           │                                              └────────── it fails: twice as long ┤
           └──────────────────────────────────────────────────────────────────── it succeeds ┘

Invariant: while open nothing is admitted, while half open one probe at a time and nothing else. A fault is an answer
that did not come; a refusal is an answer. Times are seconds of any clock that never goes back.
"""

from enum import StrEnum

FAULTS_MAX = 5
WINDOW_S = 60.0
PAUSE_S = 5.0
PAUSE_S_MAX = 120.0


class State(StrEnum):
    """The states drawn above."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One account's."""

    def __init__(self) -> None:
        self._faults = 0
        self._first_fault_s = 0.0
        self._pause_s = PAUSE_S
        self._open_until_s: float | None = None
        self._is_probed = False

    def state(self, now_s: float) -> State:
        """Closed, open or half open."""
        if self._open_until_s is None:
            return State.CLOSED
        return State.OPEN if now_s < self._open_until_s else State.HALF_OPEN

    def retry_after_s(self, now_s: float) -> float:
        """When to ask again, for who was not admitted; 0: now."""
        if self._open_until_s is None:
            return 0.0
        return max(self._open_until_s - now_s, 1.0 if self._is_probed else 0.0)

    def begin_probe(self, now_s: float) -> bool:
        """Whether the caller is to probe; it then says `succeeded`, `failed` or `gave_up`."""
        if self.state(now_s) is not State.HALF_OPEN or self._is_probed:
            return False
        self._is_probed = True
        return True

    def succeeded(self) -> bool:
        """Note an answer. Whether that has closed the breaker: one that comes while nobody probes is an old one."""
        self._faults = 0
        if self._open_until_s is None or not self._is_probed:
            return False
        self._open_until_s, self._is_probed, self._pause_s = None, False, PAUSE_S
        return True

    def failed(self, now_s: float) -> bool:
        """Note a fault. Whether that has opened the breaker, anew or again."""
        if self._open_until_s is not None:
            if not self._is_probed:
                return False  # of a request sent before it opened
            self._pause_s = min(self._pause_s * 2, PAUSE_S_MAX)
            self._open_until_s, self._is_probed = now_s + self._pause_s, False
            return True
        if self._faults == 0 or now_s - self._first_fault_s > WINDOW_S:
            self._faults, self._first_fault_s = 0, now_s
        self._faults += 1
        if self._faults < FAULTS_MAX:
            return False
        self._faults, self._open_until_s = 0, now_s + self._pause_s
        return True

    def gave_up(self) -> None:
        """The probe was not made, or cut off: another may make it."""
        self._is_probed = False
