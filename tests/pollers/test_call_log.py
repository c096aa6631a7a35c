"""What providers were asked about an order is found with the order: without codes, in few rows, beside the way."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from pollers.accounts import wrap
from pollers.activations import ActivationWorker
from pollers.bulk import BulkLooker
from pollers.call_log import CUT_OFF, NOTED_MAX, REPEAT_S, CallLog, asking_about, said
from pollers.periodic import forget_provider_calls
from pollers.providers.contract import (
    AlreadyDelivered,
    Cancelled,
    Delivered,
    Ended,
    Message,
    Provider,
    Refused,
    Rented,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    Waiting,
)
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from tests.pollers.support import Play, Rig
from tests.wallet_db.support import run
from wallet_db.connect import Pool, pool
from wallet_db.roles import OPERATOR, POLLERS

NAME = "sms_activate"
SMS = Message("424242", "Your code is 424242")


@pytest.mark.parametrize(
    ("answer", "outcome", "excerpt"),
    [
        (Waiting(), "waiting", None),
        (Delivered((SMS, SMS)), "delivered", "2 SMS"),
        (Rented((SMS,)), "running", "1 SMS"),
        (Ended(), "ended", None),
        (Cancelled(), "cancelled", None),
        (AlreadyDelivered(), "already_delivered", None),
        (TooEarly(), "too_early", None),
        (TooEarly(95.4), "too_early", "again in 95 s"),
        ([], "listed", "0 open"),
        (Decimal("1.50"), "told", "1.50"),
        (None, "done", None),
        (CUT_OFF, CUT_OFF, None),
        (Refused("BAD_STATUS"), "PROVIDER_REFUSED", "BAD_STATUS"),
        (UnknownAnswer("what?", raw="STATUS_NEW:424242"), "UNKNOWN_ANSWER", "STATUS_NEW:…"),
        (Unavailable("x" * 999), "PROVIDER_UNAVAILABLE", "x" * 160),
    ],
)
def test_an_answer_is_said_in_a_word_without_a_code(answer: object, outcome: str, excerpt: str | None) -> None:
    assert said(answer) == (outcome, excerpt)


class Clock:
    """Stands until it is moved."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def noting(database_url: str, scenario: Callable[[Pool, CallLog, Clock], object]) -> None:
    """A log that writes with the rights of a poller."""

    async def main() -> None:
        async with asyncio.timeout(60), pool(database_url, "pollers", role=POLLERS) as connections:
            clock = Clock()
            await scenario(connections, CallLog(connections, clock), clock)  # type: ignore[misc]

    asyncio.run(main())


async def rows(database_url: str, order_id: UUID) -> list[tuple[str, str, int]]:
    async with pool(database_url, "test", role=OPERATOR, connections_max=1) as db:
        return [
            tuple(row)
            for row in await db.fetch(
                "select method, outcome, times from provider_calls where order_id = $1 order by at, id", order_id
            )
        ]


def test_what_is_told_again_and_again_is_few_rows_with_a_count(database_url: str) -> None:
    async def scenario(_: Pool, log: CallLog, clock: Clock) -> None:
        order_id = uuid4()
        with asking_about(order_id):
            for _second in range(1200):  # twenty minutes, looked at every second
                log.note(NAME, "check", Waiting(), 0.1)
                clock.now_s += 1
            log.note(NAME, "cancel", Cancelled(), 0.1)
        await log.write()
        found = await rows(database_url, order_id)
        assert found[0] == ("check", "waiting", 1)
        assert found[-1] == ("cancel", "cancelled", 1)
        assert sum(times for method, _, times in found if method == "check") == 1200
        assert len(found) < 9

    noting(database_url, scenario)


def test_a_fault_that_lasts_for_hours_among_looks_is_few_rows(database_url: str) -> None:
    async def scenario(_: Pool, log: CallLog, clock: Clock) -> None:
        order_id = uuid4()
        with asking_about(order_id):
            for _ in range(3 * 360):
                log.note(NAME, "check", Waiting(), 0.1)
                log.note(NAME, "cancel", Unavailable("HTTP 500"), 0.1)
                clock.now_s += 10
        await log.write()
        found = await rows(database_url, order_id)
        assert len(found) < 30
        assert {(method, outcome) for method, outcome, _ in found} == {
            ("check", "waiting"),
            ("cancel", "PROVIDER_UNAVAILABLE"),
        }

    noting(database_url, scenario)


def test_other_answers_and_other_orders_are_rows_of_their_own(database_url: str) -> None:
    async def scenario(_: Pool, log: CallLog, clock: Clock) -> None:
        first, second = uuid4(), uuid4()
        for order_id in (first, second, first):
            with asking_about(order_id):
                log.note(NAME, "cancel", TooEarly(60), 0.1)
        clock.now_s += REPEAT_S / 2
        with asking_about(first):
            log.note(NAME, "cancel", Cancelled(), 0.1)
        log.note(NAME, "check_many", {}, 0.1)  # about no order
        await log.write()
        assert await rows(database_url, first) == [
            ("cancel", "too_early", 1), ("cancel", "too_early", 1), ("cancel", "cancelled", 1)
        ]  # fmt: skip
        assert await rows(database_url, second) == [("cancel", "too_early", 1)]

    noting(database_url, scenario)


def test_what_cannot_be_written_is_kept_up_to_a_bound_and_the_oldest_go(database_url: str) -> None:
    async def scenario(connections: Pool, log: CallLog, _: Clock) -> None:
        lost, kept = uuid4(), uuid4()
        with asking_about(lost):
            log.note(NAME, "cancel", Cancelled(), 0.1)
        for order_id in [*(uuid4() for _ in range(NOTED_MAX - 1)), kept]:
            with asking_about(order_id):
                log.note(NAME, "cancel", Cancelled(), 0.1)
        await connections.close()
        with pytest.raises(Exception, match="pool is clos"):
            await log.write()
        async with pool(database_url, "pollers", role=POLLERS) as again:
            log._pool = again
            await log.write()
            assert (await rows(database_url, lost), await rows(database_url, kept)) == (
                [],
                [("cancel", "cancelled", 1)],
            )

    noting(database_url, scenario)


def test_the_oldest_go_after_their_days(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        old, young = uuid4(), uuid4()
        await db.execute(
            "insert into provider_calls (order_id, at, provider, method, outcome, times)"
            " select id, now() - age, 'sms_activate', 'check', 'ended', 1"
            " from unnest($1::uuid[], $2::interval[]) as c (id, age)",
            [old, young],
            [timedelta(days=8), timedelta(days=6)],
        )
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            result = await forget_provider_calls(connections, {"forgotten_total": 2}, kept=timedelta(days=7))
        assert result == {"forgotten": 1, "forgotten_total": 3}
        assert (await rows(database_url, old), len(await rows(database_url, young))) == ([], 1)

    run(database_url, scenario)


# with orders, a worker and a provider


class Stage:
    """A worker whose accounts note what they are told."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.log = CallLog(rig.db)
        providers: dict[str, Provider] = {NAME: SmsActivate(rig.base_url, "demo", rig.http)}
        self.accounts = wrap(providers, lambda _: 100.0, note=self.log.note)
        self.worker = ActivationWorker(rig.db, self.accounts, PollerSettings(demo=True))
        self.looker = BulkLooker(rig.db, self.accounts, uncovered_within=timedelta(seconds=60), note=self.log.note)

    async def work(self, activation: UUID) -> None:
        with asking_about(activation):
            await self.worker.work(await self.rig.claim(activation))

    async def told(self) -> list[tuple[UUID, str, str, str | None]]:
        await self.log.write()
        found = await self.rig.db.fetch("select order_id, method, outcome, answer from provider_calls order by id")
        return [tuple(row) for row in found]


@pytest.fixture(autouse=True)
def _no_calls(request: pytest.FixtureRequest) -> None:
    if "play" in request.fixturenames:

        async def forget(rig: Rig) -> None:
            await rig.db.execute("truncate provider_calls, provider_accounts")

        request.getfixturevalue("play")(forget)


def test_a_purchase_notes_and_writes_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        stage = Stage(rig)
        activation = await rig.order()
        await stage.work(activation)
        assert (await rig.row(activation))["status"] == "pending"
        assert await stage.told() == []

    play(scenario)


def test_a_look_at_all_notes_only_those_it_brings_news_of(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        stage = Stage(rig)
        numbers = [await rig.number() for _ in range(6)]
        await rig.sms(numbers[3], "424242")
        await stage.looker.claim(1)  # makes the account's row
        for _ in range(3):
            await rig.db.execute("update provider_accounts set due_at = now()")
            [look] = await stage.looker.claim(1)
            await stage.looker.look(look)
        assert await stage.told() == [(numbers[3], "check_many", "delivered", "1 SMS")]

    play(scenario)


def test_a_cancel_and_its_refusals_are_found_with_the_order(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        stage = Stage(rig)
        activation = await rig.number()
        await rig.fault("setStatus", "http_500")
        await rig.request_cancel(activation)
        await stage.work(activation)
        await rig.db.execute("update activations set due_at = now()")
        await stage.work(activation)
        assert (await rig.end(activation))[0] == "cancelled"
        first, second = await stage.told()
        assert first[:3] == (activation, "cancel", "PROVIDER_UNAVAILABLE")
        assert second == (activation, "cancel", "cancelled", None)

    play(scenario)


def test_a_served_order_shows_how_it_was_finished_and_no_code(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        stage = Stage(rig)
        activation = await rig.number()
        await rig.sms(activation, "424242")
        await rig.db.execute("update activations set due_at = now()")
        await stage.work(activation)
        await rig.pass_time(1200, only=activation)
        await stage.work(activation)
        assert (await rig.row(activation))["status"] == "completed"
        # The second look told what the first had: it stands for itself once something else is told.
        assert [row[1:3] for row in await stage.told()] == [
            ("check", "delivered"),
            ("check", "delivered"),
            ("finish", "done"),
        ]
        assert "424242" not in str(await rig.db.fetch("select * from provider_calls"))

    play(scenario)
