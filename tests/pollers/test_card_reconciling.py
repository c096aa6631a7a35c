"""Cards here beside the same cards there, over real HTTP: what differs is found, written down and set right if it may
be; a provider in trouble, a step that ends, a process that dies."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pollers import service
from pollers.cards import patience, reconciling
from pollers.cards.contract import Card
from pollers.cards.reconcile import as_json, is_sound, lines
from pollers.cards.reconciling import LEASE, ProviderAway, Reconciler
from pollers.cards.strowallet import Strowallet
from pollers.settings import PollerSettings
from tests.forks import run
from tests.pollers.card_providers import CARD_PROVIDERS, KEY, CardRig, playing_cards
from tests.pollers.support import until
from tests.wallet_db.cards import new_card, new_transaction
from tests.wallet_db.support import new_user
from wallet_db.card_reconciliations import (
    ReconciliationJob,
    Report,
    ask_card_reconciliation,
    claim_card_reconciliations,
    read_card_reconciliation,
)
from wallet_db.card_rules import store_card_rule
from wallet_db.connect import Pool, pool
from wallet_db.roles import POLLERS
from wallet_db.sealing import CardKeys

NAME = "strowallet"


@dataclass(frozen=True)
class Stage:
    """A database with cards, the simulator that has the same ones, and who compares them."""

    db: Pool
    pollers: Pool
    rig: CardRig
    reconciler: Reconciler

    async def card(self, status: str = "active", *, ours: str = "10.00") -> tuple[UUID, str]:
        """A card that has 10.00 there; its ids."""
        theirs = await self.rig.active("10.00")
        return await new_card(self.db, await new_user(self.db), status, balance=ours, provider_card_id=theirs), theirs

    async def reconcile(self, *, correct: bool = False) -> Report:
        id_ = await ask_card_reconciliation(self.pollers, NAME, correct=correct)
        await self.reconciler.step(await self.claim())
        report = await read_card_reconciliation(self.pollers, id_)
        assert report is not None
        return report

    async def claim(self) -> ReconciliationJob:
        [job] = await claim_card_reconciliations(self.pollers, [NAME], limit=5, lease=LEASE)
        return job

    async def state(self, card: UUID) -> tuple[str, str]:
        row = await self.db.fetchrow("select status, balance::text from cards where id = $1", card)
        assert row is not None
        return tuple(row)

    async def mismatches(self) -> list[tuple[Any, ...]]:
        rows = await self.db.fetch("select card_id, kind, ours, theirs, corrected from card_mismatches order by kind")
        return [tuple(row) for row in rows]

    async def alerts(self) -> list[str]:
        rows = await self.db.fetch("select message from system_logs where source = 'reconcile_cards' order by id")
        return [row["message"] for row in rows]


Scenario = Callable[[Stage], Awaitable[None]]


@pytest.fixture
def play(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Scenario], None]]:
    monkeypatch.setattr(patience, "PAUSE_S", 0.0)

    @contextlib.asynccontextmanager
    async def stage(rig: CardRig) -> AsyncIterator[Stage]:
        async with pool(database_url, "test") as db, pool(database_url, "pollers", role=POLLERS) as pollers:
            reconciler = Reconciler(pollers, {NAME: rig.provider}, differs_percent=5.0, random=Random(1))
            yield Stage(db, pollers, rig, reconciler)

    with playing_cards(CARD_PROVIDERS[1].values[0]) as play_cards:

        def run(scenario: Scenario) -> None:
            async def main(rig: CardRig) -> None:
                async with stage(rig) as ready:
                    with capture_logs():
                        await scenario(ready)

            play_cards(main)

        yield run


def test_cards_that_agree_are_nothing_to_look_at(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.card()
        await stage.card()
        report = await stage.reconcile()
        assert (report.cards, report.mismatches, report.unread, report.agrees) == (2, 0, 0, True)
        assert (report.usd_ours, report.usd_theirs) == (Decimal("20.00"), Decimal("20.00"))
        assert is_sound(report)
        assert lines([report])[-1] == "the cards agree"
        assert await stage.alerts() == []

    play(scenario)


def test_what_differs_is_written_down_and_left_unless_it_may_be_corrected(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        card, theirs = await stage.card()
        await stage.rig.control(f"cards/{theirs}/transactions", usd="4.00")
        await stage.rig.control(f"cards/{theirs}", status="frozen")
        report = await stage.reconcile()
        found = [(card, "balance", "10.00", "6.00", False), (card, "status", "active", "blocked", False)]
        assert await stage.mismatches() == found
        assert await stage.state(card) == ("active", "10.00")
        assert (report.kinds, report.beyond, report.agrees) == ({"balance": 1, "status": 1}, 1, False)
        assert await stage.alerts() == ["CARD_BALANCES_DIFFER", "CARDS_DIFFER"]
        assert lines([report])[-1] == "the cards do NOT agree: 2 to look at"

        corrected = await stage.reconcile(correct=True)
        assert await stage.state(card) == ("blocked", "6.00")
        assert (corrected.mismatches, corrected.corrected, corrected.agrees) == (2, 2, False)
        assert is_sound(corrected)
        assert lines([corrected])[-1] == "the cards agree: 2 corrected"
        audited = await stage.db.fetch(
            "select actor_type, diff::text from strowallet_card_audit where card_id = $1", card
        )
        assert [row["actor_type"] for row in audited] == ["operator", "system"]
        assert json.loads(audited[1]["diff"]) == {"status": ["active", "blocked"], "balance": ["10.00", "6.00"]}
        told = await stage.db.fetchval("select count(*) from events where type = 'card.updated'")
        assert told == 1
        assert (await stage.reconcile()).agrees is True

    play(scenario)


def test_what_cannot_follow_ours_is_left_for_a_person(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        over, _ = await stage.card("terminated", ours="0.00")
        unknown = await new_card(stage.db, await new_user(stage.db), provider_card_id="6999999999")
        report = await stage.reconcile(correct=True)
        assert sorted(await stage.mismatches()) == sorted(
            [(over, "status", "terminated", "active", False), (unknown, "missing", "active", None, False)]
        )
        assert (report.mismatches, report.corrected, is_sound(report)) == (2, 0, False)
        assert await stage.alerts() == ["CARDS_DIFFER"]
        document = json.loads(as_json([report]))
        assert (document["sound"], document["providers"][0]["kinds"]) == (False, {"missing": 1, "status": 1})

    play(scenario)


def test_the_report_says_that_there_is_more_than_it_shows() -> None:
    found = {"card_id": "c", "kind": "balance", "ours": "1.00", "theirs": "2.00", "corrected": False}
    report = Report(
        id=7, provider=NAME, asked_by="ann", correct=False, started_at=None, ended_at=datetime.now(UTC), cards=60,
        moving=1, unread=2, mismatches=51, corrected=0, beyond=51, usd_ours=Decimal(60), usd_theirs=Decimal(111),
        agrees=False, kinds={"balance": 51}, worst=[found] * 50,
    )  # fmt: skip
    said = lines([report])
    assert said[:2] == [
        "provider    cards  left out  unread  USD here  USD there  mismatches  corrected",
        "strowallet     60         1       2     60.00     111.00          51          0",
    ]
    assert said[-2:] == [
        "strowallet: and 1 more: card_mismatches of reconciliation 7",
        "the cards do NOT agree: 53 to look at",
    ]


def test_a_small_difference_is_no_alarm(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.card(ours="9.60")
        report = await stage.reconcile(correct=True)
        assert (report.mismatches, report.corrected, report.beyond) == (1, 1, 0)
        assert await stage.alerts() == []

    play(scenario)


def test_a_card_at_which_something_is_under_way_is_left_out(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        wanted, _ = await stage.card(ours="1.00")
        asked, _ = await stage.card(ours="2.00")
        await stage.db.fetchval("select request_card_action(null, $1, 'block', 'operator', 'ann')", wanted)
        await stage.db.fetchval("select ask_card_refresh($1)", asked)
        report = await stage.reconcile(correct=True)
        assert (report.cards, report.moving, report.mismatches) == (0, 2, 0)
        assert [await stage.state(card) for card in (wanted, asked)] == [("active", "1.00"), ("active", "2.00")]

    play(scenario)


@pytest.mark.parametrize("fault", ["http_500", "connection_reset", "garbage"])
def test_trouble_of_the_moment_is_asked_again_and_a_card_that_cannot_be_asked_about_is_counted(
    play: Callable[[Scenario], None], fault: str
) -> None:
    async def scenario(stage: Stage) -> None:
        card, _ = await stage.card()
        is_retried = fault != "garbage"
        await stage.rig.fault("card", fault, count=2 if is_retried else 1)
        report = await stage.reconcile()
        assert (report.cards, report.unread) == ((1, 0) if is_retried else (0, 1))
        await stage.rig.fault("card", fault, count=3)
        report = await stage.reconcile()
        assert (report.cards, report.unread, report.agrees, is_sound(report)) == (0, 1, False, False)
        assert await stage.state(card) == ("active", "10.00")

    play(scenario)


def test_a_provider_that_wants_no_calls_puts_it_off(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.card()
        id_ = await ask_card_reconciliation(stage.pollers, NAME, correct=False)
        job = await stage.claim()
        other = stage.rig.another(key="not the key")
        with pytest.raises(ProviderAway):
            await Reconciler(stage.pollers, {NAME: other}, differs_percent=5.0).step(job)
        row = await stage.db.fetchrow("select due_at, ended_at, cards from card_reconciliations where id = $1", id_)
        assert row is not None
        assert (row["ended_at"], row["cards"]) == (None, 0)
        assert timedelta(0) < row["due_at"] - datetime.now(UTC) <= reconciling.PUT_OFF
        await stage.db.execute("update card_reconciliations set due_at = now()")
        await stage.reconciler.work(await stage.claim())
        report = await read_card_reconciliation(stage.pollers, id_)
        assert report is not None
        assert (report.cards, report.agrees) == (1, True)

    play(scenario)


def test_a_limit_puts_it_off_and_is_not_asked_again(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.card()
        await ask_card_reconciliation(stage.pollers, NAME, correct=False)
        await stage.rig.fault("card", "rate_limit", count=5)
        client = Strowallet(stage.rig.base_url, KEY, stage.rig.http)
        with pytest.raises(ProviderAway, match="429"):
            await Reconciler(stage.pollers, {NAME: client}, differs_percent=5.0).step(await stage.claim())
        log = (await stage.rig.http.get(f"{stage.rig.base_url}/sim/log")).json()["requests"]
        assert sum(request["action"] == "fetch-card-detail" for request in log) == 1

    play(scenario)


def test_steps_and_dead_processes_lose_no_card_and_count_none_twice(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "STEP_S", 0.0)  # a card in each

    class Killed(BaseException):
        pass

    async def scenario(stage: Stage) -> None:
        for _ in range(5):
            await stage.card(ours="9.00")
        id_ = await ask_card_reconciliation(stage.pollers, NAME, correct=False)
        asked = 0

        class Dying(Strowallet):
            """The provider of a process that is killed while it asks about its second card."""

            async def card(self, provider_card_id: str) -> Card:
                nonlocal asked
                asked += 1
                if asked == 2:
                    raise Killed
                return await super().card(provider_card_id)

        client = Dying(stage.rig.base_url, KEY, stage.rig.http)
        dying = Reconciler(stage.pollers, {NAME: client}, differs_percent=5.0)
        await dying.step(await stage.claim())
        with pytest.raises(Killed):
            await dying.step(await stage.claim())
        assert await claim_card_reconciliations(stage.pollers, [NAME], limit=5, lease=LEASE) == []  # still leased
        await stage.db.execute("update card_reconciliations set due_at = now()")
        steps = 0
        while (report := await read_card_reconciliation(stage.pollers, id_)) and report.ended_at is None:
            await stage.reconciler.step(await stage.claim())
            steps += 1
        assert report is not None
        assert (steps, report.cards, report.mismatches) == (5, 5, 5)  # four cards, and its end
        assert len(await stage.mismatches()) == 5

    play(scenario)


def test_a_step_that_has_lost_its_lease_writes_nothing_more(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.card()
        id_ = await ask_card_reconciliation(stage.pollers, NAME, correct=False)
        slow = await stage.claim()
        await stage.db.execute("update card_reconciliations set due_at = now()")
        quick = await stage.claim()
        await stage.reconciler.step(slow)
        report = await read_card_reconciliation(stage.pollers, id_)
        assert report is not None
        assert (report.cards, report.ended_at) == (0, None)
        await stage.reconciler.step(quick)
        report = await read_card_reconciliation(stage.pollers, id_)
        assert report is not None
        assert (report.cards, report.agrees) == (1, True)

    play(scenario)


def test_a_card_that_changes_while_it_is_asked_about_is_asked_about_again(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        card, theirs = await stage.card()

        class Meanwhile(Strowallet):
            """Between the answer and the look at it, a webhook's look brings what has happened since."""

            async def card(self, provider_card_id: str) -> Card:
                answer = await super().card(provider_card_id)
                if answer.balance == 10:
                    await stage.rig.control(f"cards/{theirs}/transactions", usd="4.00")
                    await stage.db.execute("update cards set balance = 6, checked_at = now() where id = $1", card)
                return answer

        await ask_card_reconciliation(stage.pollers, NAME, correct=True)
        client = Meanwhile(stage.rig.base_url, KEY, stage.rig.http)
        await Reconciler(stage.pollers, {NAME: client}, differs_percent=5.0).step(await stage.claim())
        assert await stage.mismatches() == []
        assert await stage.state(card) == ("active", "6.00")

    play(scenario)


def test_one_is_open_at_a_time_and_an_operator_asks_by_a_row(play: Callable[[Scenario], None]) -> None:
    async def scenario(stage: Stage) -> None:
        ids = await asyncio.gather(
            *(ask_card_reconciliation(stage.db, NAME, correct=correct) for correct in (False, True, False, False))
        )
        assert len(set(ids)) == 1
        assert (await stage.claim()).correct is True

    play(scenario)


def test_the_command_compares_to_the_end_and_says_so_by_its_status(
    database_url: str, play: Callable[[Scenario], None]
) -> None:
    async def scenario(stage: Stage) -> None:
        card, theirs = await stage.card()
        await stage.rig.control(f"cards/{theirs}/transactions", usd="4.00")

        async def command(*options: str) -> tuple[int, str]:
            environment = {
                "PATH": os.environ["PATH"],
                "DATABASE_URL": database_url,
                "STROWALLET_URL": stage.rig.base_url,
                "STROWALLET_KEY": KEY,
                "SMS_ACTIVATE_URL": "http://127.0.0.1:9",
                "SMS_ACTIVATE_KEY": "none",
                "CARD_KEYS": CardKeys.make("k1"),
            }
            done = await asyncio.to_thread(run, ["pollers", "reconcile-cards", *options], env=environment)
            assert "Traceback" not in done.stderr
            return done.returncode, done.stdout

        status, said = await command()
        assert status == 1
        assert f"strowallet: balance: card {card}: ours 10.00, theirs 6.00: money moved" in said
        status, said = await command("--correct", "--json")
        report = json.loads(said)
        assert (status, report["sound"], report["providers"][0]["corrected"]) == (0, True, 1)
        status, said = await command()
        assert (status, said.splitlines()[-1]) == (0, "the cards agree")

    play(scenario)


def test_a_process_does_what_is_asked_and_what_a_rule_wants(
    database_url: str, play: Callable[[Scenario], None]
) -> None:
    """In the pollers' own frame: a row is asked for, and payments beyond a rule end in a card that is frozen there."""

    async def scenario(stage: Stage) -> None:
        card, theirs = await stage.card(ours="9.00")
        rule = {"name": "many", "window_s": 3600, "count_max": 2, "per": "card", "then": "block"}
        await store_card_rule(stage.db, "many", rule, dry_run=False, enabled=True)
        settings = PollerSettings(
            sms_activate_url="http://127.0.0.1:9",
            sms_activate_key=SecretStr("none"),
            strowallet_url=stage.rig.base_url,
            strowallet_key=SecretStr(KEY),
            card_keys=SecretStr(CardKeys.make("k1")),
        )

        async def is_compared() -> bool:
            ended = await stage.db.fetchval("select count(*) from card_reconciliations where ended_at is not null")
            return bool(ended)

        async def is_blocked() -> bool:
            return (await stage.state(card))[0] == "blocked"

        stop = asyncio.Event()
        running = asyncio.create_task(service.run(settings, database_url, stop))
        try:
            await stage.db.fetchval("select ask_card_reconciliation($1, true, 'ann')", NAME)
            await until(is_compared)
            assert await stage.state(card) == ("active", "10.00")
            for _ in range(3):
                await new_transaction(stage.db, card)
            await until(is_blocked, within_s=20)
        finally:
            stop.set()
            await running
        [there] = (await stage.rig.upstream())["cards"]
        assert (str(there["id"]), there["status"]) == (theirs, "frozen")
        hit = await stage.db.fetchrow("select rule, card_id, acted from card_rule_hits")
        assert hit is not None
        assert tuple(hit) == ("many", card, True)

    play(scenario)
