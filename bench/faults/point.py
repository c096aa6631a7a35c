"""One point in the work on an order: at which step, and what happens there. Pure but for what `die` does.

    before   the worker dies, the step has had no effect
    after    the step has had its effect, the worker dies before it hears of it
    lost     the step has had its effect, its answer is lost, the worker lives on

A step is one statement to the database (BEGIN and COMMIT are statements) or one request to the provider.
"""

from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

Fault = Literal["before", "after", "lost"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
DEADLY: tuple[Fault, ...] = ("before", "after")


class Cutter:
    """Counts the steps of one piece of work from 0, and lets the fault happen at the nth.

    die: ends the worker and does not return. nth None: nothing happens, steps are only counted.
    """

    def __init__(self, nth: int | None, fault: Fault, die: Callable[[], None]) -> None:
        self.steps: list[str] = []
        self._nth = nth
        self._fault = fault
        self._die = die
        self._seen: Counter[str] = Counter()
        self._is_dead = False

    @property
    def struck(self) -> bool:
        """Whether the work came as far as the point."""
        return self._nth is not None and len(self.steps) > self._nth

    def begin(self, step: str) -> int:
        """A step is about to be made; returns its number."""
        self._seen[step] += 1
        number, count = len(self.steps), self._seen[step]
        self.steps.append(step if count == 1 else f"{step} ({count})")
        if self._is_dead or (number == self._nth and self._fault == "before"):
            self._end_it()  # what is dead makes no further step, in whichever of its tasks
        return number

    def end(self, number: int, lose: Callable[[], Exception]) -> None:
        """The step has had its effect; raises `lose()` if its answer gets lost."""
        if number != self._nth:
            return
        if self._fault == "after":
            self._end_it()
        elif self._fault == "lost":
            raise lose()

    def _end_it(self) -> None:
        self._is_dead = True
        self._die()
