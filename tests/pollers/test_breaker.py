"""The circuit breaker: it opens on a row of faults, lets one probe through at a time, and grows more patient."""

from hypothesis import given
from hypothesis import strategies as st

from pollers.breaker import FAULTS_MAX, PAUSE_S, PAUSE_S_MAX, WINDOW_S, Breaker, State


def opened(now_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    assert [breaker.failed(now_s) for _ in range(FAULTS_MAX)] == [False] * (FAULTS_MAX - 1) + [True]
    return breaker


def test_faults_in_a_row_open_it_and_an_answer_between_them_does_not_let_them() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAULTS_MAX - 1):
            assert not breaker.failed(0)
        assert not breaker.succeeded()
    assert breaker.state(0) is State.CLOSED
    assert opened().state(0) is State.OPEN


def test_faults_that_are_far_apart_do_not_open_it() -> None:
    breaker = Breaker()
    for number in range(3 * FAULTS_MAX):
        assert not breaker.failed(number * (WINDOW_S / (FAULTS_MAX - 1) + 1))
    assert breaker.state(0) is State.CLOSED


def test_half_open_it_takes_one_probe_at_a_time() -> None:
    breaker = opened()
    assert not breaker.begin_probe(PAUSE_S - 0.1)
    assert breaker.retry_after_s(PAUSE_S - 0.5) == 0.5
    assert breaker.begin_probe(PAUSE_S)
    assert not breaker.begin_probe(PAUSE_S)
    assert breaker.retry_after_s(PAUSE_S) > 0
    breaker.gave_up()
    assert breaker.begin_probe(PAUSE_S)
    assert breaker.succeeded()
    assert breaker.state(PAUSE_S) is State.CLOSED


def test_late_answers_of_requests_sent_before_change_nothing() -> None:
    breaker = opened()
    assert not breaker.succeeded()
    assert not breaker.failed(1)
    assert breaker.state(1) is State.OPEN
    assert breaker.retry_after_s(1) == PAUSE_S - 1


def test_each_failed_probe_doubles_the_pause_up_to_its_bound_and_an_answer_resets_it() -> None:
    breaker, now_s, pauses = opened(), 0.0, []
    for _ in range(8):
        pauses.append(breaker.retry_after_s(now_s))
        now_s += pauses[-1]
        assert breaker.begin_probe(now_s)
        assert breaker.failed(now_s)
    assert pauses[:3] == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert pauses[-1] == PAUSE_S_MAX
    now_s += PAUSE_S_MAX
    assert breaker.begin_probe(now_s)
    assert breaker.succeeded()
    for _ in range(FAULTS_MAX):
        breaker.failed(now_s)
    assert breaker.retry_after_s(now_s) == PAUSE_S


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from(["ask", "answer", "fault", "give up"])), max_size=80))
def test_whatever_comes_at_most_one_probe_is_under_way(steps: list[tuple[float, str]]) -> None:
    breaker, now_s, probing = Breaker(), 0.0, False
    for after_s, what in steps:
        now_s += after_s
        if what == "ask":
            if breaker.begin_probe(now_s):
                assert not probing
                assert breaker.state(now_s) is State.HALF_OPEN
                probing = True
        elif what == "answer":
            assert breaker.succeeded() == probing
            probing = False
        elif what == "fault":
            breaker.failed(now_s)
            probing = False
        else:
            breaker.gave_up()
            probing = False
        assert 0 <= breaker.retry_after_s(now_s) <= PAUSE_S_MAX
