"""`python -m bench faults`: every point right, each control found; and its pure parts."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from bench.faults.card_operations import CARD_OPERATIONS
from bench.faults.judge import End, Sold, faults_of, outcome_of
from bench.faults.lines import name_of
from bench.faults.operations import OPERATIONS
from bench.faults.point import Cutter, Fault
from bench.faults.worker import CONTROLS, KINDS
from tests.forks import run

RUN_S = 240.0  # alone on two cores it takes a minute
TELLING = ("begin_purchase", "pass_purchase", "ask: buy", "record_purchase", "apply_activation_sms", "close_activation")
PRICE = Decimal("5.00")
FIRST, *LATER = KINDS
BOUGHT = [Sold("7", "cancelled", delivered=False)]
SERVED = [Sold("7", "completed", delivered=True)]


def faults(*words: str) -> tuple[int, str]:
    """Its exit status, and what it printed."""
    done = run(["bench", "faults", *words], timeout=RUN_S)
    print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it
    return done.returncode, done.stdout


@pytest.mark.parametrize(("provider", "kill"), [(FIRST, "main"), *((each, "none") for each in LATER)])
def test_no_death_and_no_lost_answer_changes_what_is_right(provider: str, kill: str) -> None:
    """All points of all operations. With the first, processes are really killed at the main ones: the command does so
    with each, but what a provider is like makes no difference to a process that is gone."""
    status, said = faults("--providers", provider, "--kill", kill)
    assert status == 0
    points, outcomes = re.findall(
        r"^(\d+) fault points, (\d+) outcomes with 1 providers: all right$", said, re.MULTILINE
    )[0]
    assert points == outcomes
    assert int(points) > 150
    for operation in OPERATIONS:
        assert f"\n{operation.name}  " in f"\n{said}"
    # The telling ones were among them: between sent and answered, between answered and recorded.
    killed = ("killed before", "killed after") if kill == "main" else ()
    for step in TELLING:
        for fault in ("before", "after", "lost", *killed):
            assert f"  {step}, {fault} " in said


def test_no_death_and_no_lost_answer_pays_twice_for_a_card() -> None:
    status, said = faults("--providers", "strowallet")
    assert status == 0
    points = re.findall(r"^(\d+) fault points, \1 outcomes with 1 providers: all right$", said, re.MULTILINE)
    assert int(points[0]) > 80
    for operation in CARD_OPERATIONS:
        assert f"\n{operation.name}  " in f"\n{said}"
    for step in ("begin_card_creation", "ask: create", "record_card_created", "begin_card_funding", "ask: fund"):
        for fault in ("before", "after", "lost", "killed before", "killed after"):
            assert f"  {step}, {fault} " in said


@pytest.mark.parametrize(
    ("operation", "complaint"),
    [("card: creation", "lost ask: create: bought 2"), ("card: funding", "lost ask: fund: ")],
)
def test_a_worker_that_pays_twice_for_a_card_is_found(operation: str, complaint: str) -> None:
    status, said = faults(
        "--control", "blind", "--operations", operation, "--providers", "strowallet", "--kill", "none"
    )
    assert status == 1
    assert complaint in said


@pytest.mark.parametrize(
    ("control", "operation", "complaint"),
    [
        ("blind", "purchase, then none", "lost ask: buy: bought 2 times; number "),
        ("generous", "cancel", "paid for upstream without an SMS"),
    ],
)
def test_a_worker_that_is_wrong_on_purpose_is_found(control: str, operation: str, complaint: str) -> None:
    assert control in CONTROLS
    status, said = faults("--control", control, "--operations", operation, "--providers", "herosms", "--kill", "none")
    assert status == 1
    assert complaint in said
    assert re.search(r"\d+ WRONG$", said.rstrip())


@pytest.mark.parametrize("words", ["--providers nobody", "--operations dancing", "--control honest"])
def test_wrong_usage_is_told(words: str) -> None:
    assert faults(*words.split()) == (2, "")


# --- pure


def end(status: str, charged: str = "0", **facts: str) -> End:
    return End(status, facts.get("id", "7"), PRICE, Decimal(charged), Decimal(facts.get("frozen", "0")))


def test_what_is_right_is_not_complained_of() -> None:
    assert faults_of(end("completed", "5.00"), SERVED) == []
    assert faults_of(end("timeout"), BOUGHT) == []
    assert faults_of(end("failed"), []) == []
    assert outcome_of(end("timeout"), BOUGHT) == "timeout, bought, refunded"


RENTED = [Sold("7", "active", delivered=True, hours=24)]
LOST = replace(end("failed"), provider_order_id=None, is_told=True)
"""Where a lost rental cannot be looked for: given up, refunded, and the operators know."""


def test_a_number_nobody_can_find_again_is_right_if_it_was_told() -> None:
    assert faults_of(LOST, RENTED) == []
    assert outcome_of(LOST, RENTED) == "failed, bought, refunded, told"


@pytest.mark.parametrize(
    ("found", "sold", "complaints"),
    [
        (end("pending"), BOUGHT, ["still pending"]),
        (end("failed", frozen="5.00"), [], ["5.00 still frozen"]),
        (end("failed"), SERVED, ["charged 0, an SMS was delivered"]),
        (end("cancelled", "5.00"), BOUGHT, ["charged 5.00, nothing was delivered"]),
        (end("completed", "10.00"), SERVED, ["charged 10.00, an SMS was delivered"]),
        (end("failed", id="8"), BOUGHT, ["number 7 bought and not known here"]),
        (
            end("timeout"),
            [Sold("7", "waiting", delivered=False)],
            ["number 7 paid for upstream without an SMS (waiting)"],
        ),
        (end("failed", id="7"), [*BOUGHT, *BOUGHT], ["bought 2 times"]),
        (
            end("completed", "5.00"),
            [Sold("7", "completed", delivered=True, messages=2)],
            ["0 of 2 SMS are shown"],
        ),
        (end("expired", "5.00"), [Sold("7", "finished", delivered=True, hours=28)], ["28 hours there, 0 here"]),
        (
            replace(LOST, is_told=False),
            RENTED,
            ["number 7 bought and not known here", "charged 0, an SMS was delivered"],
        ),
        (replace(LOST, charged=PRICE), RENTED, ["charged 5.00, the number is lost"]),
        (replace(LOST, frozen=PRICE), RENTED, ["5.00 still frozen"]),
        (
            LOST,
            [*RENTED, *RENTED],
            [
                "bought 2 times",
                *["number 7 bought and not known here"] * 2,
                "charged 0, an SMS was delivered",
            ],
        ),
    ],
)
def test_what_is_wrong_is_named(found: End, sold: list[Sold], complaints: list[str]) -> None:
    assert faults_of(found, sold) == complaints


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("select begin_purchase($1, $2)", "begin_purchase"),
        ("select * from claim_activations($1, $2)", "claim_activations"),
        ("select exists (select from activations a join …)", "select activations"),
        ("insert into system_logs (level) values ($1)", "insert system_logs"),
        ("BEGIN;", "begin"),
    ],
)
def test_a_statement_has_a_name_for_the_table(statement: str, name: str) -> None:
    assert name_of(statement) == name


class Died(BaseException):
    pass


def die() -> None:
    raise Died


@pytest.mark.parametrize(("fault", "made"), [("before", 1), ("after", 2)])
def test_a_worker_dies_before_or_after_its_step(fault: Fault, made: int) -> None:
    cutter, effects = Cutter(1, fault, die), []

    def work() -> None:
        for step in ("ask", "ask", "write"):
            number = cutter.begin(step)
            effects.append(step)
            cutter.end(number, RuntimeError)

    with pytest.raises(Died):
        work()
    assert (len(effects), cutter.steps, cutter.struck) == (made, ["ask", "ask (2)"], True)


def test_a_lost_answer_is_an_error_and_the_worker_lives() -> None:
    cutter = Cutter(0, "lost", die)
    with pytest.raises(ConnectionError, match="gone"):
        cutter.end(cutter.begin("ask"), lambda: ConnectionError("gone"))
    cutter.end(cutter.begin("ask"), lambda: ConnectionError("gone"))
    assert cutter.steps == ["ask", "ask (2)"]
    assert not Cutter(None, "before", die).struck
