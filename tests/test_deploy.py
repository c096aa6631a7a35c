"""What operators copy: every query of rules and dashboard is held against what the processes really tell, the units and
the container file against this tree."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import gateway.app  # noqa: F401 - what these modules define
import notifier.follower  # noqa: F401
import pollers.service  # noqa: F401
from deploy.dashboard import TARGET, text
from gateway.errors import STATUS_BY_CODE
from tests.conftest import database_of, execute
from tests.system import ROOT, free_port, running_system, wait_until

DEPLOY = ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "onesms.rules.yml").read_text("utf-8"))["groups"]
DASHBOARD = json.loads(TARGET.read_text("utf-8"))
OF_THE_SCRAPE = frozenset({"job", "instance"})
KEYWORDS = frozenset({"and", "or", "unless", "bool"})

Told = Mapping[str, tuple[frozenset[str], Mapping[str, frozenset[str]]]]
"""By the name of a sample: its labels, and the values seen of each."""


# --- what a query asks for


@dataclass(frozen=True)
class Query:
    """metrics: each name with what it has to match; by: the labels of the result, None: those of the metric."""

    metrics: Sequence[tuple[str, Mapping[str, tuple[str, str]]]]
    by: frozenset[str] | None


def parse(expression: str) -> Query:
    """As much of PromQL as is used here: selectors, functions, operators, `by`."""
    bare = re.sub(r"\[[^\]]*\]|\boffset \w+", "", expression)
    lists = re.findall(r"\bby\s*\(([^)]*)\)", bare)
    bare = re.sub(r"\b(?:by|on)\s*\([^)]*\)", "", bare)
    selectors = re.findall(r"([a-zA-Z_:][\w:]*+)(\{[^}]*+\})?+(?!\s*+\()", bare)
    metrics = [
        (
            name,
            {
                label: (operator, value)
                for label, operator, value in re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', matchers)
            },
        )
        for name, matchers in selectors
        if name not in KEYWORDS
    ]
    aggregates = re.search(r"(?<![\w:])(sum|max|min|avg|count)\s*\(", bare) is not None
    by = frozenset(label.strip() for listed in lists for label in listed.split(",")) if lists or aggregates else None
    return Query(metrics, by)


def panels() -> list[Any]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    found = {f"rule {rule.get('record') or rule['alert']}": rule["expr"] for group in RULES for rule in group["rules"]}
    for panel in panels():
        for target in panel["targets"]:
            found[f"panel {panel['id']} {panel['title']} {target['refId']}"] = target["expr"].replace(
                "$__rate_interval", "5m"
            )
    return found


EXPRESSIONS = expressions()


# --- what the processes tell


@pytest.fixture(scope="module")
def told(server_url: str, template: str) -> Iterator[Told]:
    """Of gateway, notifier and pollers, after an order has been through all of them."""
    name = f"onesms_deploy_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    with running_system(database_of(server_url, name), pollers=True) as system:
        ports = {"notifier": free_port(), "pollers": free_port()}
        assert system.pollers is not None
        system.notifier.stop()
        system.start("notifier", METRICS_PORT=str(ports["notifier"])).wait_until_it("follower.leads")
        system.pollers.stop()
        system.start("pollers", METRICS_PORT=str(ports["pollers"])).wait_until_it('"working"')
        _, token = system.sign_in()
        order = {"service": "whatsapp", "country": "indonesia"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{system.url}/api/activations", json=order, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        urls = [system.url, *(f"http://127.0.0.1:{port}" for port in ports.values())]

        def scraped() -> str:
            return "".join(httpx.get(f"{url}/metrics", timeout=10).text for url in urls)

        def everything() -> bool:
            text = scraped()
            wanted = ('name="tell_alerts"', 'name="check_wallets"', "onesms_sms_found_total{", "onesms_orders_open{")
            wanted += ('name="watch_cards"', 'name="judge_card_rules"')
            return all(part in text for part in wanted)

        wait_until(everything, "the periodic jobs have run and the SMS was found")
        yield read(scraped())
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


def read(metrics: str) -> Told:
    labels: dict[str, set[str]] = {}
    values: dict[str, dict[str, set[str]]] = {}
    for part in metrics.split("# EOF"):
        for family in text_string_to_metric_families(part):
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
                for label, value in sample.labels.items():
                    values.setdefault(sample.name, {}).setdefault(label, set()).add(value)
            if not family.samples:  # told of, and not counted yet: its labels are those of its definition
                collector = REGISTRY._names_to_collectors[family.name]
                names = collector._labelnames  # type: ignore[attr-defined]
                suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
                for suffix in suffixes:
                    labels.setdefault(family.name + suffix, set()).update(names, ["le"] if suffix == "_bucket" else [])
    return {
        name: (frozenset(found), {label: frozenset(seen) for label, seen in values.get(name, {}).items()})
        for name, found in labels.items()
    }


def with_recorded(told: Told) -> Told:
    """And what the recording rules make of it."""
    recorded: dict[str, Any] = {"up": (frozenset(), {})}
    for group in RULES:
        for rule in group["rules"]:
            if "record" in rule:
                by = parse(rule["expr"]).by
                assert by is not None
                recorded[rule["record"]] = (by - {"le"}, {})
    return {**told, **recorded}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_query_asks_for_what_is_told(told: Told, name: str) -> None:
    query = parse(EXPRESSIONS[name])
    assert query.metrics
    known = with_recorded(told)
    for metric, matchers in query.metrics:
        assert metric in known, f"nobody tells {metric}"
        labels, values = known[metric]
        assert matchers.keys() <= labels | OF_THE_SCRAPE, metric
        assert (query.by or frozenset()) <= labels | OF_THE_SCRAPE, metric
        for label, (operator, value) in matchers.items():
            if label == "error_code":
                assert value in STATUS_BY_CODE
            elif label not in OF_THE_SCRAPE:
                pattern = value if "~" in operator else re.escape(value)
                assert any(re.fullmatch(pattern, seen) for seen in values[label]), f"{metric}: no {label} {value}"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_legend_names_labels_of_its_query(told: Told, panel: Any) -> None:
    known = with_recorded(told)
    for target in panel["targets"]:
        query = parse(target["expr"].replace("$__rate_interval", "5m"))
        [metric, *_] = [name for name, _ in query.metrics]
        left = query.by if query.by is not None else known[metric][0] | OF_THE_SCRAPE
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left


@pytest.mark.parametrize(
    "rule", [rule for group in RULES for rule in group["rules"] if "alert" in rule], ids=lambda rule: rule["alert"]
)
def test_an_alert_says_what_is_wrong_in_labels_it_has(told: Told, rule: Any) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    query = parse(rule["expr"])
    labels = query.by if query.by is not None else with_recorded(told)[query.metrics[0][0]][0] | OF_THE_SCRAPE
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels


def test_every_metric_of_ours_is_looked_at_somewhere(told: Told) -> None:
    """A figure nobody looks at is a figure nobody misses: put it on the dashboard, or take it out."""
    asked = {metric for expression in EXPRESSIONS.values() for metric, _ in parse(expression).metrics}
    ours = {name for name in told if name.startswith("onesms_") and not name.endswith(("_sum", "_count", "_created"))}
    assert ours - asked <= NOT_SHOWN


NOT_SHOWN = {
    "onesms_alerts_told_total",
    "onesms_bus_unreadable_total",
    "onesms_events_forgotten_total",
    "onesms_follower_ids_forgotten_total",
    "onesms_orders_redacted_total",
    "onesms_provider_share",
    "onesms_wallets_checked",
}


def test_labels_are_few_and_name_nobody(told: Told) -> None:
    """A label is a series for each of its values, for ever: none is an id, a number or a word of somebody's."""
    for metric, (_, values) in told.items():
        for label, seen in values.items():
            assert len(seen) <= 80, (metric, label)
            for value in seen:
                assert label == "version" or re.fullmatch(r"[A-Za-z_+][\w:. ]{0,40}|[\d.e+-]+|", value), (metric, value)
                assert not re.search(r"[0-9a-f]{8}-|\d{6}", value) or label == "le", (metric, value)


def test_a_query_that_asks_for_nothing_real_is_found() -> None:
    query = parse('sum by (le, x) (rate(onesms_no_such_total{code="y", z!="w"}[5m])) / time() > 3')
    assert query.metrics == [("onesms_no_such_total", {"code": ("=", "y"), "z": ("!=", "w")})]
    assert query.by == {"le", "x"}
    assert parse("process_open_fds").by is None
    assert parse("max(a_b) == 1").by == frozenset()
    assert [name for name, _ in parse("a unless on (x) b offset 15m or c").metrics] == ["a", "b", "c"]


def test_the_dashboard_is_what_its_table_makes() -> None:
    assert TARGET.read_text("utf-8") == text(), "run python -m deploy.dashboard"


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", DEPLOY / "prometheus" / "onesms.rules.yml"], check=True)


# --- units and the container


UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units_and_finds_them_shut(unit: Path, tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        content = path.read_text("utf-8").replace("/opt/onesms/.venv/bin/python", sys.executable)
        (tmp_path / path.name.replace("@.", "@8000.")).write_text(content)
    installed = tmp_path / unit.name.replace("@.", "@8000.")
    checks = (["verify", "--man=no"], ["security", "--offline=true", "--threshold=25", "--no-pager"])
    for arguments in checks:
        done = subprocess.run(
            ["systemd-analyze", *arguments, installed], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert arguments[0] != "verify" or not done.stderr.strip(), done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_module_there_is_with_a_file_there_is(unit: Path) -> None:
    content = unit.read_text("utf-8")
    module = re.search(r"^ExecStart=/opt/onesms/\.venv/bin/python -m (\w+)( check)?$", content, re.MULTILINE)
    assert module is not None
    assert (ROOT / module[1] / "__main__.py").is_file()
    assert "EnvironmentFile=/etc/onesms/" in content


README = (DEPLOY / "README.md").read_text("utf-8")


def told_to(command: str) -> list[list[str]]:
    """The words of each such command of the README, without its comment."""
    return [words.split("#")[0].split() for words in re.findall(rf"^# {command} (.*)$", README, re.MULTILINE)]


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not installed")
def test_what_is_enabled_as_told_comes_up_with_the_machine(tmp_path: Path) -> None:
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    ([*patterns, target],) = told_to("cp")
    assert target == "/etc/systemd/system/"
    for pattern in patterns:
        for path in ROOT.glob(pattern):
            shutil.copy(path, units)
    for now, *names in told_to("systemctl enable"):
        assert now == "--now"
        subprocess.run(["systemctl", f"--root={tmp_path}", "enable", *names], check=True, timeout=60)

    def wanted_by(name: str) -> set[str]:
        return {path.name for path in (units / f"{name}.wants").iterdir()}

    assert wanted_by("multi-user.target") == {"onesms.target"}
    assert wanted_by("timers.target") == {"onesms-check.timer"}
    instances = ("gateway@8000", "gateway@8001", "notifier@9101", "pollers@9111")
    assert wanted_by("onesms.target") == {f"onesms-{instance}.service" for instance in instances}


def test_operators_login_is_given_to_one_gateway_alone() -> None:
    """The file of its own is named after the instance, and nothing shared has it."""
    files = {source: target for *_, source, target in told_to("install") if source.startswith("deploy/")}
    assert set(files) == {str(path.relative_to(ROOT)) for path in (DEPLOY / "systemd").glob("*.env.example")}
    given = {files[name] for name in files if "OPERATOR_DATABASE_URL=" in (ROOT / name).read_text("utf-8")}
    assert given == {"/etc/onesms/onesms-gateway@8001.env"}
    read = {
        (unit.name, path.replace("%i", "8001"))
        for unit in UNITS
        for path in re.findall(r"^EnvironmentFile=-?(.*)$", unit.read_text("utf-8"), re.MULTILINE)
    }
    assert {path for _, path in read} == set(files.values())
    assert [unit for unit, path in read if path in given] == ["onesms-gateway@.service"]


def test_the_container_holds_what_the_processes_import(tmp_path: Path) -> None:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    assert lines[-1] == 'CMD ["python", "-m", "gateway"]'
    assert any(line.startswith("USER 10001") for line in lines)
    copied = [line.split()[1] for line in lines if re.fullmatch(r"COPY (\w+) \1", line)]
    let_in = (ROOT / ".dockerignore").read_text("utf-8")
    assert set(re.findall(r"^!(\w+)$", let_in, re.MULTILINE)) == set(copied)
    for folder in copied:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("gateway", "notifier", "pollers", "wallet_db"):
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    images = {line.split()[1] for line in lines if line.startswith("FROM")}
    assert all(re.fullmatch(r"[a-z]+:[\w.-]+", image) for image in images), "by its short name"
