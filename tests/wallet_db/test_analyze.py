"""`python -m wallet_db analyze`: the worked example, made by the functions that make orders; races; what it prints."""

import asyncio
import os
import subprocess
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tests.browser import open_page
from tests.forks import Fork
from tests.wallet_db.logins import login
from tests.wallet_db.support import MINUTE, Database, call, new_user, run
from wallet_db import __main__ as command_line
from wallet_db import operators
from wallet_db.analyze import reading
from wallet_db.analyze.figures import Analysis
from wallet_db.analyze.findings import patterns
from wallet_db.analyze.reading import analyze
from wallet_db.connect import Pool, connect
from wallet_db.roles import OPERATOR

SECOND = timedelta(seconds=1)
SECRET = "483920"

# Services in the order in which outcomes are dealt to them: telegram has all the SMS but two, viber and others none.
EXAMPLE = {
    "telegram": {"received": 25, "cancelled": 13, "timeout": 8, "expired": 2},
    "whatsapp": {"received": 2, "cancelled": 14, "timeout": 10, "expired": 6},
    "viber": {"cancelled": 9, "timeout": 6, "expired": 4},
    "facebook": {"cancelled": 7, "timeout": 4, "expired": 2},
}
AT_20_MIN = 17


class Orders:
    """Makes orders of one user end as told, at times an hour ago and before."""

    def __init__(self, db: Database, user: UUID, now: datetime) -> None:
        self.db = db
        self.user = user
        self.at = now - timedelta(hours=3)
        self.at_20_left = 0

    async def make(self, service: str, outcome: str, provider: str = "herosms") -> UUID:
        self.at += SECOND
        created = await call(
            self.db, "create_activation", p_user_id=self.user, p_service=service, p_country="indonesia", p_now=self.at
        )
        activation = UUID(created["id"])
        if outcome == "open":
            return activation
        assert await call(
            self.db, "begin_purchase", p_activation_id=activation, p_provider=provider, p_now=self.at + SECOND
        )
        if outcome == "failed":
            await self._close(activation, "failed", "NO_NUMBERS", self.at + 2 * SECOND)
            return activation
        bought_at = self.at + 2 * SECOND
        assert await call(
            self.db,
            "record_purchase",
            p_activation_id=activation,
            p_provider_order_id=str(activation),
            p_phone="6281234567890",
            p_cost=Decimal("1.5"),
            p_expires_at=bought_at + 20 * MINUTE,
            p_due_at=bought_at,
            p_now=bought_at,
        )
        if outcome == "received":
            await call(
                self.db,
                "apply_activation_sms",
                p_activation_id=activation,
                p_code=SECRET,
                p_text=f"code {SECRET}",
                p_now=bought_at + 10 * SECOND,
            )
        elif outcome == "cancelled":
            self.at_20_left -= 1
            await self._close(activation, "cancelled", None, bought_at + (20 if self.at_20_left >= 0 else 3) * MINUTE)
        elif outcome == "refunded":
            await call(self.db, "refund_activation", p_activation_id=activation, p_reason="a test",
                       p_now=bought_at + 5 * MINUTE)  # fmt: skip
        elif outcome == "expired":
            await self._close(activation, "cancelled", "ENDED", bought_at + 5 * MINUTE)
        else:
            await self._close(activation, "timeout", "NO_SMS", bought_at + 20 * MINUTE + 4 * SECOND)
        return activation

    async def _close(self, activation: UUID, status: str, code: str | None, at: datetime) -> None:
        assert await call(
            self.db, "close_activation", p_activation_id=activation, p_status=status, p_error_code=code, p_now=at
        )


async def some_orders(db: Database, balance: str = "1000.00") -> Orders:
    await db.execute("update settings set value = '0' where key = 'open_orders_per_user_max'")
    return Orders(db, await new_user(db, balance), await db.fetchval("select now()"))


async def make_example(db: Database) -> None:
    orders = await some_orders(db)
    orders.at_20_left = AT_20_MIN
    for service, outcomes in EXAMPLE.items():
        for outcome, count in outcomes.items():
            for _ in range(count):
                await orders.make(service, outcome)


def test_what_an_operator_refunded_is_neither_a_cancel_nor_a_failure_of_its_route(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill(db: Pool) -> None:
        orders = await some_orders(db)
        for outcome in ("received", "refunded"):
            await orders.make("telegram", outcome)
        created = await orders.make("telegram", "open")
        await call(db, "begin_purchase", p_activation_id=created, p_provider="herosms", p_now=orders.at)
        await call(db, "refund_activation", p_activation_id=created, p_reason="a test", p_now=orders.at + 10 * MINUTE)
        await call(db, "judge_routes", p_rule="disable", p_success_min=0.9, p_tries_min=1)
        route = "select tried, sold, decided, delivered, answer_s_median, state from v_route_health where tried > 0"
        assert tuple(await db.fetchrow(route) or ()) == (3, 2, 1, 1, 1.0, "enabled")
        assert await db.fetchval("select success from v_dashboard_stats") == 1
        [provider] = (await operators.read_figures(db, since=timedelta(days=1), step="day"))["providers"]
        assert (provider["tried"], provider["sold"], provider["errors"]) == (3, 2, 0)

    run(database_url, fill)
    _, report, _ = analyze_command(database_url, capsys)
    written = [line.split() for line in section(report, "ACTIVATIONS").splitlines()]
    assert ["refunded", "2", "-", "refunded", "by", "an", "operator"] in written
    assert section(report, "ACTIVATIONS").startswith("3 activations, 1 decided")


def test_a_reader_that_has_read_enough_is_no_fault(example_url: str) -> None:
    """As `| head` is: the pipe is closed before anything is written."""
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    words, environment = ["wallet_db", "analyze", "--json"], {"DATABASE_URL": example_url}
    with Fork(words, env=environment, stdout=writing_end, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing_end)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (141, "")


def test_rentals_are_counted_with_why_they_failed(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, report, _ = analyze_command(database_url, capsys)
    assert section(report, "RENTALS") == "0 rentals, 0 failed"

    async def fill(db: Pool) -> None:
        await db.execute(
            "insert into rentals (user_id, service, country, status, hours, price, frozen_amount, error_code,"
            " closed_at, due_at) select $1, 'whatsapp', 'indonesia', status, 4, 5, 0, code, now(), null from (values"
            " ('failed', 'NO_NUMBERS'), ('failed', 'NO_NUMBERS'), ('completed', null)) ended (status, code)",
            await new_user(db),
        )

    run(database_url, fill)
    _, report, _ = analyze_command(database_url, capsys)
    assert section(report, "RENTALS") == "3 rentals, 2 failed\n2 failed (NO_NUMBERS), 1 completed"


@pytest.fixture(scope="module")
def example_url(shared_url: str) -> str:
    """A database with the worked example: 27 received, 43 cancelled, 28 timeouts, 14 expired."""

    async def fill(db: Pool) -> None:
        await make_example(db)

    run(shared_url, fill)
    return shared_url


def analyze_command(url: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """Status, standard output and error."""
    arguments = command_line._parser().parse_args(["analyze", *options])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "200")  # whoever looks for a sentence finds it in one line
        status: int = asyncio.run(arguments.run(url, arguments))
    written = capsys.readouterr()
    return status, written.out, written.err


def section(report: str, title: str) -> str:
    """The lines below a heading."""
    return report.partition(f"\n{title}\n")[2].partition("\n\n")[0].rstrip("\n")


def test_the_worked_example_says_its_shares_and_who_fails(example_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, report, _ = analyze_command(example_url, capsys)
    assert status == 0
    found = section(report, "ACTIVATIONS")
    assert "112 activations, 112 decided" in found
    shares = {line.split()[0]: line.split()[1:4] for line in found.splitlines()[2:7]}
    assert shares == {
        "received": ["27", "24.1", "%"],
        "cancelled": ["43", "38.4", "%"],
        "timeout": ["28", "25.0", "%"],
        "expired": ["14", "12.5", "%"],
        "failed": ["0", "0.0", "%"],
    }
    assert "100 % failure: viber (0 of 19), facebook (0 of 13)" in found
    assert "17 of 43 cancels (39.5 %) came at 20 min ± 30 s" in section(report, "PATTERNS")
    advice = section(report, "RECOMMENDATIONS")
    assert advice.startswith("CRITICAL: 100 % failure: viber (19), facebook (13)")
    assert "whatsapp: 6.2 % of 32 orders" in advice
    assert "coherent" in section(report, "COHERENCE")


def test_json_has_the_same_figures_and_nobodys_code_or_number(
    example_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, text, _ = analyze_command(example_url, capsys, "--json", "--html", str(tmp_path / "report.html"))
    found = orjson.loads(text)
    assert status == 0
    assert {name: found["orders"][name] for name in ("total", "received", "cancelled", "timeout", "expired")} == {
        "total": 112,
        "received": 27,
        "cancelled": 43,
        "timeout": 28,
        "expired": 14,
    }
    assert found["orders"]["shares"]["received"] == pytest.approx(27 / 112)
    assert found["all_failed"] == {"viber": 19, "facebook": 13}
    assert found["orders"]["price_paid"] == "135.00"
    assert found["state"]["success"] == 0.241
    assert sum(day["total"] for day in found["by_day"].values()) == 112
    assert sum(hour["total"] for hour in found["by_hour"]) == 112
    everything = found["response_times"][0]
    assert everything["service"] is None
    assert (everything["bought"], everything["served"]) == (112, 27)
    assert (everything["buy_s"][0], everything["sms_s"][2]) == (2.0, 10.0)
    assert found["coherence"]["is_coherent"]
    assert found["coherence"]["checked"] == found["coherence"]["wallets"]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for written in (text, html):
        assert SECRET not in written
        assert "6281234567890" not in written


def test_the_views_agree_with_the_analysis_and_are_the_operators_to_read(example_url: str) -> None:
    async def main() -> None:
        connection = await connect(example_url, "test", role=OPERATOR)
        try:
            stats = await connection.fetchrow("select * from v_dashboard_stats")
            assert stats is not None
            outcomes = ("orders", "decided", "received", "cancelled", "timeout", "expired", "failed")
            assert [stats[name] for name in outcomes] == [112, 112, 27, 43, 28, 14, 0]
            assert (stats["success"], stats["sms_s_p50"], stats["activations_open"]) == (Decimal("0.241"), 10.0, 0)
            services = {row["service"]: row for row in await connection.fetch("select * from v_service_health")}
            assert {name: services[name]["status"] for name in (*EXAMPLE, "google")} == {
                "telegram": "OK",
                "whatsapp": "WARNING",
                "viber": "CRITICAL",
                "facebook": "CRITICAL",
                "google": "IDLE",
            }
            assert services["viber"]["success"] == 0
            countries = {row["country"]: row for row in await connection.fetch("select * from v_country_health")}
            assert (countries["indonesia"]["orders"], countries["russia"]["status"]) == (112, "IDLE")
            times = await connection.fetch("select * from v_response_time order by service nulls first")
            assert [(row["service"], row["bought"], row["sms_s_p99"]) for row in times[:2]] == [
                (None, 112, 10.0),
                ("facebook", 13, None),
            ]
        finally:
            await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize("view", ["v_service_health", "v_country_health", "v_response_time", "v_dashboard_stats"])
def test_the_views_find_the_last_day_without_reading_all_there_ever_was(shared_url: str, view: str) -> None:
    async def scenario(db: Pool) -> None:
        async with db.acquire() as connection, connection.transaction():
            await connection.execute("set local enable_seqscan = off")  # of a table as small as this one
            plan = "\n".join(row[0] for row in await connection.fetch(f"explain select * from {view}"))  # noqa: S608
            assert "Seq Scan on activations" not in plan
            assert "Index Cond: (created_at > (now() - '24:00:00'::interval))" in plan

    run(shared_url, scenario)


def test_open_and_failed_orders_and_those_with_a_late_sms(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        orders = await some_orders(db)
        for outcome in ("open", "failed", "received", "expired", "cancelled"):
            activation = await orders.make("telegram", outcome)
        late = {"p_activation_id": activation, "p_code": SECRET, "p_text": "late"}
        assert await call(db, "apply_activation_sms", **late) == "charged"
        assert await db.fetchval("select error_code from activations where id = $1", activation) == "LATE_SMS"
        found = await analyze(database_url, days=1)
        assert found.orders.orders == {"open": 1, "failed": 1, "received": 1, "expired": 1, "cancelled": 1}
        assert (found.orders.decided, found.orders.late) == (4, 1)
        assert found.error_codes["NO_NUMBERS"].count("failed") == 1
        assert found.state["activations_open"] == 1

    run(database_url, scenario)


def test_nothing_yet_is_no_fault(database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, report, _ = analyze_command(database_url, capsys, "--html", str(tmp_path / "empty.html"))
    assert status == 0
    assert "0 activations, 0 decided" in report
    assert "100 % failure" not in report
    assert section(report, "RECOMMENDATIONS") == "none: nothing asks for anything"
    assert section(report, "BY HOUR (UTC)") == section(report, "BY DAY (UTC)") == "none"
    assert orjson.loads(analyze_command(database_url, capsys, "--json")[1])["orders"]["shares"]["received"] is None


def test_days_bound_what_is_looked_at(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        orders = await some_orders(db)
        await orders.make("telegram", "received")
        orders.at -= timedelta(days=2)
        await orders.make("telegram", "received")
        assert (await analyze(database_url, days=1)).orders.total == 1
        found = await analyze(database_url, days=3)
        assert found.orders.total == 2
        assert sum(tally.total for tally in found.by_day.values()) == 2

    run(database_url, scenario)


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "99999"])
def test_bad_days_are_refused_in_one_line(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command_line._parser().parse_args(["analyze", f"--days={days}"])
    assert refused.value.code == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert "argument --days: expected" in complaint


@pytest.mark.parametrize("file", ["missing/report.html", "."])
def test_a_page_that_cannot_be_written_is_said_before_the_work(
    database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, file: str
) -> None:
    status, report, complaint = analyze_command(database_url, capsys, "--html", str(tmp_path / file))
    assert (status, report, complaint.count("\n")) == (1, "", 1)


async def overlapping_freezes(url: str, user: UUID) -> None:
    """The first to begin is the last to get the wallet: it waits for one that began after it."""
    first, second = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        freeze = "select atomic_freeze($1, 5, $2, 'race')"
        async with first.transaction():
            await first.execute("select now()")  # its transaction, and so its time, begins here
            async with second.transaction():
                await second.execute(freeze, user, "second to begin")
            await first.execute(freeze, user, "first to begin")
    finally:
        await first.close()
        await second.close()


def test_operations_of_overlapping_transactions_are_looked_at_and_coherent(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db), await new_user(db)
        for one in (user, other):  # the top-up, apart from what follows
            await at(db, one, 1, await db.fetchval("select now() - interval '1 minute'"))
        await overlapping_freezes(database_url, user)
        async with db.acquire() as connection, connection.transaction():  # one transaction races with nobody
            await call(connection, "atomic_freeze", p_user_id=other, p_amount=5, p_transaction_id="a")
            await call(connection, "atomic_commit", p_user_id=other, p_transaction_id="a")
        races = (await analyze(database_url, days=1)).races
        assert (races.pairs, races.overlapping, races.unchained, races.users) == (1, 1, 0, 1)
        (pair,) = races.nearest
        assert (pair.user_id, pair.number, pair.previous_type, pair.type) == (str(user), 3, "freeze", "freeze")
        assert pair.distance_ms < 0
        assert pair.overlaps
        assert pair.chains

    run(database_url, scenario)


async def at(db: Database, user: UUID, number: int, when: datetime) -> None:
    """Move an operation's time, past the trigger that keeps the audit as it is."""
    await db.execute("alter table balance_operations disable trigger user")
    await db.execute(
        "update balance_operations set created_at = $3 where user_id = $1 and number = $2", user, number, when
    )
    await db.execute("alter table balance_operations enable trigger user")


def test_two_freezes_139_ms_apart_are_named_with_their_distance_and_broken_ones_found(
    database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def freezes(db: Pool) -> None:
        user = await new_user(db)
        for name in ("a", "b", "c"):
            await call(db, "atomic_freeze", p_user_id=user, p_amount=5, p_transaction_id=name)
        now: Any = await db.fetchval("select now()")
        for number, before in ((1, 60.0), (2, 10.0), (3, 9.861), (4, 5.0)):
            await at(db, user, number, now - timedelta(seconds=before))

    run(database_url, freezes)
    _, report, _ = analyze_command(database_url, capsys)
    races = section(report, "RACE CONDITIONS")
    assert "1 pair of operations of one user within 500 ms, of 1 user: 0 surely overlapped" in races
    assert "0 do not chain: coherent" in races
    assert "2, 3" in races
    assert "139.0 ms" in races

    async def broken(db: Pool) -> None:
        await db.execute("alter table balance_operations disable trigger user")
        await db.execute(
            "update balance_operations set frozen_before = frozen_before + 1, frozen_after = frozen_after + 1"
            " where number = 3"
        )

    run(database_url, broken)
    status, report, _ = analyze_command(database_url, capsys)
    assert status == 0
    assert "1 do not chain: NOT COHERENT" in section(report, "RACE CONDITIONS")
    assert "NOT COHERENT" in section(report, "COHERENCE")
    advice = section(report, "RECOMMENDATIONS").splitlines()
    assert advice[0] == "CRITICAL: operations close together of which the second did not find what the first left: 1"
    assert "before_is_previous_after (2)" in report

    async def acknowledged(db: Pool) -> None:
        user = await db.fetchval("select user_id from balance_operations where number = 3")
        for number in (3, 4):
            await call(db, "acknowledge_break", p_user_id=user, p_number=number, p_reason="by hand, ticket 9")

    run(database_url, acknowledged)
    _, report, _ = analyze_command(database_url, capsys, "--html", str(tmp_path / "report.html"))
    races = section(report, "RACE CONDITIONS")
    assert "0 do not chain, 1 more is acknowledged: coherent but for these" in races
    assert "139.0 ms  acknowledged" in races
    assert "CRITICAL: operations close together" not in report
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "0 do not chain, 1 more is acknowledged: coherent but for these." in html
    assert "<td>acknowledged</td>" in html


def test_with_many_operations_the_wallets_that_raced_are_replayed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(db: Pool) -> None:
        users = [await new_user(db) for _ in range(3)]
        for user in users:
            await at(db, user, 1, await db.fetchval("select now() - interval '1 minute'"))
        await overlapping_freezes(database_url, users[1])
        whole = (await analyze(database_url, days=1)).coherence
        assert (whole.checked, whole.wallets, whole.operations) == (4, 4, 5)
        monkeypatch.setattr(reading, "OPERATIONS_CHECKED_MAX", 4)
        some = (await analyze(database_url, days=1)).coherence
        assert (some.checked, some.wallets, some.operations) == (1, 4, 3)
        monkeypatch.setattr(reading, "OPERATIONS_CHECKED_MAX", 2)  # fewer than that one wallet has
        assert (await analyze(database_url, days=1)).coherence.checked == 0

    run(database_url, scenario)


def test_a_full_name_that_beats_the_code_is_noticed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        orders = await some_orders(db)
        for provider, received, timeouts in (("fivesim", 16, 4), ("herosms", 4, 20)):
            for outcome in ["received"] * received + ["timeout"] * timeouts:
                await orders.make("whatsapp", outcome, provider)
        found = await analyze(database_url, days=1)
        uses = {use.code: (use.is_name, use.providers, use.delivered, use.decided) for use in found.codes}
        assert uses == {"whatsapp": (True, ["fivesim"], 16, 20), "wa": (False, ["herosms"], 4, 24)}
        (noticed,) = [finding for finding in patterns(found) if "full name" in finding.text]
        assert "80.0 % of 20 at fivesim; by its code wa, 16.7 % of 24 at herosms" in noticed.text

    run(database_url, scenario)


def test_an_operators_login_may_and_one_without_a_role_is_told(
    example_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with login(example_url, OPERATOR) as url:
        assert analyze_command(url, capsys)[0] == 0
    with login(example_url) as url, pytest.raises(asyncpg.InsufficientPrivilegeError):
        analyze_command(url, capsys)


@pytest.fixture
def page_file(example_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    analyze_command(example_url, capsys, "--html", str(file))
    return file


def test_the_page_stands_alone_and_fits_a_phone(page_file: Path) -> None:
    html = page_file.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    with open_page(page_file.as_uri()) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator("svg").count() >= 3
        assert "24.1 %" in page.locator(".legend").inner_text()
        assert "viber (0 of 19)" in page.locator(".failed-all").inner_text()


def test_the_analysis_is_a_value_of_its_own(example_url: str) -> None:
    found: Analysis = asyncio.run(analyze(example_url, days=2))
    steps: list[tuple[int, int]] = []
    again = asyncio.run(analyze(example_url, days=2, on_progress=lambda done, total: steps.append((done, total))))
    assert found.orders == again.orders
    assert [done for done, _ in steps] == list(range(1, steps[-1][1] + 1))
