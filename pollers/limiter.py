"""Who may send the next request of an account, and when: a token bucket with a small fair queue before it. Pure.

    class       served                                                              waits at most
    PURCHASE    first: buying, renting, extending, cancelling                       8 s
    LIST        then: the orders of the account, which spares a look at each        8 s
    LOOK        then: looking for an order's SMS, finishing                         5 s: another look is due by then
    LEISURE     last: prices, funds                                                 30 s

Within a class users take turns, each user's calls in their order. Where classes must wait for the ones before them,
every SHARE-th turn is given to one of them nevertheless, to each in its turn, so that a run on purchases does not keep
SMS from those who have bought.

Invariant: in any t seconds at most `burst + t * per_s` turns are given, none while paused, and none after the time for
which the rate was lent. Who would wait longer than their class does is refused at once, so the queue is bounded by rate
times patience. Times are seconds of any clock that never goes back.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import IntEnum
from math import inf

SHARE = 4
UNLENT_S = 1.0
"""Without a rate one looks again after so long whether it has been lent."""


class Priority(IntEnum):
    """The classes, the most urgent first."""

    PURCHASE = 0
    LIST = 1
    LOOK = 2
    LEISURE = 3


PATIENCE_S = {Priority.PURCHASE: 8.0, Priority.LIST: 8.0, Priority.LOOK: 5.0, Priority.LEISURE: 30.0}
"""With a request's own time below the window in which a purchase's answer may still come, see `adoption.py`."""


class TooBusy(Exception):
    """No turn within the class's patience. retry_after_s: when there might be one."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"expected a turn sooner than in {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


@dataclass(eq=False, slots=True)
class Turn:
    """A place in the queue. user: whoever it is for; "" if unknown."""

    priority: Priority
    user: str
    is_given: bool = False


class Limiter:
    """One account's requests. per_s: in the long run; burst: at once after a rest."""

    def __init__(self, *, per_s: float, burst: int, now_s: float) -> None:
        if per_s <= 0 or burst < 1:
            raise ValueError("expected more than 0 requests a second, and a burst of at least 1")
        self._per_s = per_s
        self._burst = burst
        self._tokens = float(burst)
        self._at_s = now_s
        self._paused_until_s = now_s
        self._lent_until_s = inf
        self._waiting: dict[Priority, OrderedDict[str, deque[Turn]]] = {each: OrderedDict() for each in Priority}
        self._passed_over = 0
        """Turns given since a class that waits had to let others go first."""
        self._shares = 0
        """How many were given to such a class."""

    def __len__(self) -> int:
        return sum(self._count(priority) for priority in Priority)

    def ask(self, priority: Priority, user: str, now_s: float) -> Turn:
        """Queue up. Raises TooBusy."""
        self._refill(now_s)
        if not self._is_lent(now_s):
            raise TooBusy(UNLENT_S)
        ahead = sum(self._count(other) for other in Priority if other <= priority)
        wait_s = self.pause_s(now_s) + max(0.0, (ahead + 1 - self._tokens) / self._per_s)
        if wait_s > PATIENCE_S[priority]:
            raise TooBusy(wait_s)
        turn = Turn(priority, user)
        self._waiting[priority].setdefault(user, deque()).append(turn)
        return turn

    def give(self, now_s: float) -> Turn | None:
        """Give the next turn, if there is anybody to give it to and it is time."""
        self._refill(now_s)
        if self._tokens < 1 or self.pause_s(now_s) > 0 or not self._is_lent(now_s):
            return None
        waiting = [priority for priority in Priority if self._waiting[priority]]
        if not waiting:
            return None
        priority = waiting[0]
        if len(waiting) == 1:
            self._passed_over = 0
        elif self._passed_over == SHARE - 1:
            priority, self._passed_over = waiting[1 + self._shares % (len(waiting) - 1)], 0
            self._shares += 1
        else:
            self._passed_over += 1
        self._tokens -= 1
        user, turns = self._waiting[priority].popitem(last=False)
        turn = turns.popleft()
        if turns:
            self._waiting[priority][user] = turns  # behind the others
        turn.is_given = True
        return turn

    def leave(self, turn: Turn) -> None:
        """Give up one's place; nothing, if the turn was given."""
        turns = self._waiting[turn.priority].get(turn.user)
        if turn.is_given or turns is None or turn not in turns:
            return
        turns.remove(turn)
        if not turns:
            del self._waiting[turn.priority][turn.user]

    def lend(self, *, per_s: float, burst: int, now_s: float, until_s: float) -> None:
        """From now on another rate and burst, until then; per_s 0: none. What was saved up counts, up to the burst."""
        if per_s < 0 or burst < 1:
            raise ValueError("expected 0 requests a second or more, and a burst of at least 1")
        self._refill(now_s)
        self._per_s, self._burst, self._lent_until_s = per_s, burst, until_s
        self._tokens = min(self._tokens, float(burst) if per_s else 0.0)

    def pause(self, until_s: float) -> None:
        """Give no turn before this time, and then begin slowly: without what was saved up. Never shortens a pause."""
        self._tokens = min(self._tokens, 1.0)
        self._paused_until_s = max(self._paused_until_s, until_s)

    def pause_s(self, now_s: float) -> float:
        """How much longer it is paused; 0: it is not."""
        return max(0.0, self._paused_until_s - now_s)

    def wait_s(self, now_s: float) -> float | None:
        """How long until `give` can give a turn; None: nobody waits for one."""
        self._refill(now_s)
        if not len(self):
            return None
        if not self._is_lent(now_s):
            return UNLENT_S
        return self.pause_s(now_s) + max(0.0, (1 - self._tokens) / self._per_s)

    def _refill(self, now_s: float) -> None:
        since_s = max(self._at_s, min(self._paused_until_s, now_s))
        self._tokens = min(float(self._burst), self._tokens + (now_s - since_s) * self._per_s)
        self._at_s = max(self._at_s, now_s)

    def _is_lent(self, now_s: float) -> bool:
        return self._per_s > 0 and now_s < self._lent_until_s

    def _count(self, priority: Priority) -> int:
        return sum(map(len, self._waiting[priority].values()))
