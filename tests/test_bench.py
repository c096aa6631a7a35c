"""The benchmarks' pure parts: arithmetic of rounds, goals, tables, plot, pgbench's report. Nothing is timed here."""

from xml.etree import ElementTree as ET

import pytest

from bench.figures import Finding, Goal, Spread, paired_ratios, spread
from bench.plot import svg
from bench.table import figure, findings_table, goal_text, table
from bench.wallet.contestants import FULL, MEASURES, QUICK, findings
from bench.wallet.pgbench import Report, parse_progress, parse_report
from bench.wallet.plan import FULL_PLAN, QUICK_PLAN
from bench.wallet.server import BenchError, path_of

REPORT = """\
transaction type: freeze.sql
number of transactions actually processed: 8123
number of failed transactions: 0 (0.000%)
latency average = 1.970 ms
tps = 8119.204178 (without initial connection time)
"""


def test_spread_is_the_median_and_the_ends() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    assert spread([4, 1]) == Spread(2.5, 1, 4)
    with pytest.raises(ValueError, match="at least one round"):
        spread([])


def test_ratios_pair_figures_of_the_same_round() -> None:
    # The machine was half as fast in the second round; the ratio does not show it.
    assert paired_ratios([90, 45], [100, 50]) == [0.9, 0.9]
    with pytest.raises(ValueError, match="as many rounds of both, got 2 and 1"):
        paired_ratios([1, 2], [1])
    with pytest.raises(ValueError, match="above 0"):
        paired_ratios([1], [0])


@pytest.mark.parametrize(
    ("goal", "median", "verdict"),
    [
        (Goal("at least", 0.95), 0.95, "met"),
        (Goal("at least", 0.95), 0.949, "missed"),
        (Goal("at most", 2.2), 2.2, "met"),
        (Goal("at most", 2.2), 2.21, "missed"),
        (None, 1.0, ""),
    ],
)
def test_a_goal_is_judged_by_the_median(goal: Goal | None, median: float, verdict: str) -> None:
    assert Finding("freeze / B", "x", Spread(median, 0, 100), goal).verdict == verdict


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(8114.2, "", "8,114"), (12.34, "ms", "12.3 ms"), (1.0, "x", "1.00x"), (0.9534, "x", "0.953x"), (0, "", "0.000")],
)
def test_figures_have_three_digits(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_table_aligns_names_left_and_figures_right() -> None:
    assert table(("who", "tps"), [("freeze", "8,114"), ("B", "90")]).splitlines() == [
        "who       tps",
        "──────  ─────",
        "freeze  8,114",
        "B          90",
    ]
    with pytest.raises(ValueError, match="rows of 2 cells"):
        table(("who", "tps"), [("freeze",)])


def test_findings_table_tells_goal_and_verdict() -> None:
    text = findings_table(
        [
            Finding("freeze / B", "x", Spread(0.96, 0.91, 1.02), Goal("at least", 0.95)),
            Finding("one user", "ms", Spread(0.12, 0.1, 3.0)),
        ]
    )
    freeze, user = text.splitlines()[2:]
    assert freeze.split() == ["freeze", "/", "B", "0.960x", "0.910,", "1.02", "≥", "0.950x", "met"]
    assert user.split() == ["one", "user", "0.120", "ms", "0.100,", "3.00"]
    assert goal_text(Goal("at most", 250), "ms") == "≤ 250 ms"


def test_plot_is_well_formed_and_shows_every_ratio_within_its_frame() -> None:
    ratios = [
        Finding("freeze & commit < B", "x", Spread(0.5, 0.25, 1.0), Goal("at least", 0.95)),
        Finding("follower / NOTIFY", "x", Spread(5.0, 4.0, 7.9), Goal("at least", 2.5)),
    ]
    picture = ET.fromstring(svg("Ratios", [*ratios, Finding("not a ratio", "ms", Spread(1, 1, 1))]))  # noqa: S314
    namespace = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in picture.iter(f"{namespace}text")]
    assert {"Ratios", "freeze & commit < B", "follower / NOTIFY", "0.500x", "≥ 2.50x", "0.25x", "8x"} <= set(texts)
    assert "not a ratio" not in texts
    slow, fast = [float(dot.attrib["cx"]) for dot in picture.iter(f"{namespace}circle")]
    assert 0 < slow < fast < float(picture.attrib["viewBox"].split()[2])


def test_plot_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a ratio to plot"):
        svg("Ratios", [Finding("not a ratio", "ms", Spread(1, 1, 1))])


def test_pgbench_report_is_read() -> None:
    report = parse_report(REPORT)
    assert report.scripts == 8123
    assert report.seconds == pytest.approx(8123 / 8119.204178)


def test_warm_up_is_taken_off() -> None:
    line = "progress: 1.0 s, 5000.0 tps, lat 3.2 ms stddev 1.1, 0 failed"
    assert parse_progress(line) == Report(5000, 1)
    assert Report(23_000, 3).after(Report(5000, 1)) == Report(18_000, 2)
    assert parse_progress("pgbench (18.4)") is None
    with pytest.raises(BenchError, match="2 transactions failed"):
        parse_progress(line.replace(", 0 failed", ", 2 failed"))


@pytest.mark.parametrize(
    "report",
    [
        "pgbench: error: could not count number of branches",
        REPORT.replace("transactions: 0 (", "transactions: 3 ("),
        REPORT.replace("8123", "0"),
    ],
)
def test_pgbench_report_of_a_failure_is_refused(report: str) -> None:
    with pytest.raises(BenchError):
        parse_report(report)


def test_measures_name_contestants_and_are_told_of_those_who_ran() -> None:
    names = [contestant.name for contestant in FULL]
    assert len(set(names)) == len(names)
    assert {name for measure in MEASURES for name in (measure.over, measure.under)} <= set(names)
    figures = {measure.figure: {contestant.name: [2.0, 2.0] for contestant in QUICK} for measure in MEASURES}
    told = findings(figures)
    assert 0 < len(told) < len(MEASURES)
    assert all(finding.found == Spread(1, 1, 1) for finding in told)


def test_every_contestant_has_its_script() -> None:
    for contestant in FULL:
        assert path_of(contestant.script).read_text(encoding="utf-8").startswith("\\set u random(1, :users)\n")


def test_plans_keep_within_their_time() -> None:
    assert QUICK_PLAN.seconds <= 60
    assert 240 <= FULL_PLAN.seconds <= 400
