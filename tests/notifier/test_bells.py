"""How many bells are too many: single verdicts, and whole courses of stalls, floods and slow disks. Pure."""

from dataclasses import dataclass, field

import pytest

from notifier.bells import (
    FEW,
    IN_LINE_S,
    LOOKS_MOVING,
    LOWERED,
    QUEUE_USED_MAX,
    RATE_MAX,
    RATE_MIN,
    RATE_WINDOW_S,
    WAITING_MAX,
    Bells,
)
from notifier.tempo import Tempo

TEMPO = Tempo()
STEP_S = 0.001
WRITERS = 32
NO_BOUND = 1e9
STALL_S = 0.35
LOOK_S = 0.06
LOOKS = int(IN_LINE_S / LOOK_S) + 1


def test_many_a_second_are_too_many_whoever_waits() -> None:
    bells = Bells()
    assert not bells.are_too_many(int(RATE_MAX * 0.9), 1.0, 0)
    assert bells.are_too_many(int(RATE_MAX * 1.2), 1.0, 0)


def test_those_who_waited_for_one_slow_commit_are_not_too_many() -> None:
    bells, often = Bells(), RATE_MAX * 0.6
    for _ in range(100):
        assert not bells.are_too_many(0, 0.06, 0)
        assert not bells.are_too_many(int(often * 0.1), 0.04, 0), "what 100 ms bring, within 40"
        assert not bells.are_too_many(int(often * 0.1), 0.1, 0)
    short = RATE_WINDOW_S / 4
    for _ in range(3):
        assert not bells.are_too_many(int(RATE_MAX * 1.2 * short), short, 0)
    assert any(bells.are_too_many(int(RATE_MAX * 1.2 * short), short, 0) for _ in range(8)), "for long, they are"


def test_a_lasting_line_is_too_many_and_remembered() -> None:
    bells, crowd = Bells(), WAITING_MAX + 1
    for _ in range(3):
        assert not any(bells.are_too_many(10, LOOK_S, crowd) for _ in range(LOOKS - 1)), "one slow commit"
        assert not bells.are_too_many(10, LOOK_S, 0)
    bells = Bells()
    assert not any(bells.are_too_many(10, LOOK_S, crowd) for _ in range(LOOKS - 1))
    assert bells.are_too_many(10, LOOK_S, crowd)
    assert bells.allowed == RATE_MAX * LOWERED
    assert not bells.would_be_few(int(bells.allowed * 0.25), 0.25), "as many as may be too many"
    assert bells.would_be_few(5, 0.25)


def test_a_line_in_which_hardly_anybody_moves_is_one_as_soon_as_some_have() -> None:
    bells, crowd = Bells(), WAITING_MAX + 1
    assert not any(bells.are_too_many(0, LOOK_S, crowd) for _ in range(10 * LOOKS)), "one commit"
    assert [bells.are_too_many(1, LOOK_S, crowd) for _ in range(LOOKS_MOVING)] == [False] * (LOOKS_MOVING - 1) + [True]


def test_lines_one_after_the_other_are_remembered_down_to_what_was_rung_in_them() -> None:
    bells = Bells()
    for _ in range(24 * LOOKS):
        bells.are_too_many(12, LOOK_S, WAITING_MAX + 1)
    assert 200 * FEW <= bells.allowed < 200, "from there on their rate alone is too much"


def test_a_queue_that_nobody_reads_is_too_many() -> None:
    assert not Bells().are_too_many(1, 1.0, 0, QUEUE_USED_MAX)
    assert Bells().are_too_many(1, 1.0, 0, QUEUE_USED_MAX * 1.01)


def test_no_time_and_very_much_time_are_taken() -> None:
    bells = Bells(allowed=RATE_MIN)
    assert not bells.are_too_many(1000, 0.0, 0), "no rate can be told yet"
    assert bells.are_too_many(0, RATE_WINDOW_S, 0), "but nothing is forgotten"
    assert bells.would_be_few(1, 1e6)
    assert bells.allowed == RATE_MAX


def test_a_slow_disk_is_forgotten_in_time() -> None:
    bells = Bells()
    while bells.allowed > RATE_MIN:
        bells.are_too_many(1, 1.0, WAITING_MAX + 1)
    seconds = 0
    while bells.allowed < RATE_MAX:
        bells.would_be_few(10_000, 1.0)
        seconds += 1
        assert seconds < 60
    assert seconds > 10


# --- courses: what looks find as a follower takes them, twenty times a second


@dataclass(slots=True)
class Course:
    """Writers against a disk: at most `WRITERS` of them stand in line, and nobody while the follower is awake."""

    bells: Bells = field(default_factory=Bells)
    is_awake: bool = False
    awake_s: float = 0.0
    in_line_s: float = 0.0
    _now_s: float = 0.0
    _looked_s: float = 0.0
    _line: float = 0.0
    _done: float = 0.0

    def run(self, seconds: float, rate: float, taken: float = NO_BOUND) -> "Course":
        """So many events a second are wanted, and of commits with a bell the disk takes so many."""
        end_s = self._now_s + seconds
        while self._now_s < end_s:
            self._now_s += STEP_S
            self._line += rate * STEP_S
            done = self._line if self.is_awake else min(self._line, taken * STEP_S)
            self._line, self._done = min(self._line - done, WRITERS), self._done + done
            self.awake_s += STEP_S * self.is_awake
            self.in_line_s += STEP_S * (not self.is_awake and self._line > WAITING_MAX + 1)
            elapsed_s = self._now_s - self._looked_s
            if elapsed_s >= (TEMPO.idle_s if self.is_awake else TEMPO.glance_s):
                events, self._done, self._looked_s = int(self._done), self._done % 1, self._now_s
                if self.is_awake:
                    self.is_awake = not self.bells.would_be_few(events, elapsed_s)
                else:
                    self.is_awake = self.bells.are_too_many(events, elapsed_s, max(0, int(self._line) - 1))
        return self


@pytest.mark.parametrize("rate", [100, 300, 800, 1400])
def test_one_commit_that_stalls_is_no_line(rate: float) -> None:
    course = Course().run(5, rate).run(STALL_S, rate, taken=0).run(60, rate)
    assert course.awake_s == 0, "without bells they would have waited just the same"


@pytest.mark.parametrize(("rate", "awake_s_max"), [(300, 1.0), (800, 1.5), (1000, 4.5), (1400, 9.0)])
def test_a_disk_that_was_slow_for_a_moment_is_forgotten_in_seconds(rate: float, awake_s_max: float) -> None:
    course = Course().run(5, rate).run(STALL_S * 2, rate, taken=rate / 2)
    assert course.awake_s, "a line of so many for so long is one"
    course.run(60, rate)
    assert not course.is_awake
    assert course.awake_s < awake_s_max


@pytest.mark.parametrize(("rate", "within_s"), [(3000, 0.3), (10_000, 0.1)])
def test_a_true_rise_is_caught_at_once_and_stays(rate: float, within_s: float) -> None:
    course = Course().run(5, 50).run(within_s, rate)
    assert course.is_awake
    assert course.run(10, rate).awake_s >= 10


@pytest.mark.parametrize(
    ("taken", "rate"), [(5, 50), (10, 100), (50, 100), (100, 300), (100, 1000), (300, 1000), (900, 1000)]
)
def test_on_a_slow_disk_hardly_anybody_stands_in_line(taken: float, rate: float) -> None:
    course = Course().run(5, 10).run(0.5, rate, taken)
    assert course.awake_s, "it was caught"
    course.run(60, rate, taken)
    assert course.in_line_s < 60 * 0.1


def test_a_crowd_on_a_slow_disk_is_looked_after_for_as_long_as_it_is_there() -> None:
    course = Course().run(5, 10).run(60, 5000, taken=300)
    assert course.awake_s > 59
    assert course.in_line_s < 0.5
