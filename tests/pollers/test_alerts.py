"""Alerts from the log's row to who is told: folded, told once, told again when it goes on, closed."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest

from pollers.alert_channels import Channel, ChannelFault, open_channels
from pollers.alert_settings import AlertSettings
from pollers.alert_text import Message
from pollers.alerts import tell_alerts
from pollers.periodic import periodic_loop
from pollers.settings import PollerSettings
from tests.pollers.support import until
from tests.pollers.test_alert_channels import hook
from tests.wallet_db.support import call, new_user, pending_order, run
from wallet_db.connect import Pool, pool
from wallet_db.jobs import log_for_operator
from wallet_db.roles import POLLERS

QUIET = timedelta(hours=1)
UNTOLD = "select count(*) from system_logs where folded_at is null and level <> 'info'"


class Keeper:
    """A channel that keeps what it is told, or fails."""

    def __init__(self, name: str = "keeper", *, fails: bool = False) -> None:
        self.name = self.where = name
        self.fails = fails
        self.told: list[Message] = []

    async def tell(self, message: Message) -> None:
        if self.fails:
            raise ChannelFault("HTTP 500")
        self.told.append(message)


async def say(db: Pool, level: str, message: str, source: str = "pollers", **data: object) -> None:
    await log_for_operator(db, level, source, message, orjson.dumps(data).decode())


async def tell(db: Pool, *channels: Channel) -> dict[str, int]:
    return dict(await tell_alerts(db, {}, channels=channels, quiet=QUIET))


async def pass_time(db: Pool, time: timedelta) -> None:
    await db.execute("update alerts set first_at = first_at - $1::interval, last_at = last_at - $1::interval", time)
    await db.execute("update alert_tellings set told_at = told_at - $1::interval", time)
    await db.execute("update alert_channels set try_at = try_at - $1::interval", time)


async def rows(db: Pool) -> Sequence[tuple[str, str, int]]:
    found = await db.fetch("select level, message, times from alerts where closed_at is null order by id")
    return [tuple(row) for row in found]


def test_a_fault_that_lasts_is_one_alert_with_a_count(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        for _ in range(3):
            await say(db, "error", "PROVIDER_BAN", provider="fivesim", activation_id=str(uuid4()))
        await say(db, "error", "PROVIDER_BAN", provider="herosms")
        assert (await tell(db, keeper))["open_error"] == 2
        assert await rows(db) == [("error", "PROVIDER_BAN", 3), ("error", "PROVIDER_BAN", 1)]
        [message] = keeper.told
        assert [told["times"] for told in message.body["alerts"]] == [3, 1]

        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        await tell(db, keeper)
        assert len(keeper.told) == 1  # it is quiet
        await pass_time(db, QUIET)
        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        await tell(db, keeper)
        [_, over, again] = keeper.told
        assert [told["data"] for told in over.body["over"]] == [{"provider": "herosms"}]
        assert [(told["times"], told["told_times"]) for told in again.body["alerts"]] == [(5, 3)]

    run(database_url, scenario)


def test_what_is_over_is_closed_and_told_at_once_when_it_comes_back(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        await say(db, "error", "UNKNOWN_ANSWER", provider="fivesim", method="check")
        await tell(db, keeper)
        await pass_time(db, QUIET)
        assert (await tell(db, keeper))["open_error"] == 0
        await say(db, "error", "UNKNOWN_ANSWER", provider="fivesim", method="check")
        await tell(db, keeper)
        assert [[told["times"] for told in message.body["alerts"]] for message in keeper.told] == [[1], [], [1]]
        assert await db.fetchval("select count(*) from alerts") == 2
        await db.execute("update alerts set closed_at = now() - interval '91 days' where closed_at is not null")
        await tell(db, keeper)
        assert await db.fetchval("select count(*) from alerts") == 1

    run(database_url, scenario)


def test_end_is_told_once_by_every_channel_that_told_the_beginning(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        one, two, late = Keeper(), Keeper("two"), Keeper("late")
        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        await tell(db, one, two)
        await pass_time(db, QUIET)
        two.fails = True
        await tell(db, one, two, late)  # `late` has the beginning still to tell, so it is not over yet
        assert [message.body["over"] for message in late.told] == [[]]
        await tell(db, one, two, late)
        assert [len(message.body["over"]) for message in one.told] == [0, 1]
        assert [len(message.body["over"]) for message in late.told] == [0, 1]
        assert one.told[-1].subject == "OneSMS over: PROVIDER_BAN"
        assert one.told[-1].body["over"][0]["closed_by"] == "quiet"
        two.fails = False
        await pass_time(db, timedelta(minutes=1))
        for _ in range(3):
            await tell(db, one, two, late)
        assert [len(keeper.told) for keeper in (one, two, late)] == [2, 2, 2]
        assert len(two.told[-1].body["over"]) == 1

    run(database_url, scenario)


def test_what_can_be_looked_at_is_over_when_it_is_and_not_by_silence(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        user_id = await new_user(db)

        async def spoil(frozen: int) -> None:
            await db.execute("alter table users disable trigger user")
            await db.execute("update users set frozen_balance = $1 where id = $2", frozen, user_id)
            await db.execute("alter table users enable trigger user")

        await spoil(3)
        await say(db, "critical", "a wallet needs a person", "correct_frozen_balance", user_id=str(user_id))
        await tell(db, keeper)
        await pass_time(db, 10 * QUIET)
        assert (await tell(db, keeper))["open_critical"] == 1  # silent, but as broken as ever
        await spoil(0)
        assert (await tell(db, keeper))["open_critical"] == 0
        assert [told["closed_by"] for told in keeper.told[-1].body["over"]] == ["ended"]

    run(database_url, scenario)


def test_provider_that_answers_again_and_a_ban_that_ends_are_over_then(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        await say(db, "error", "PROVIDER_NOT_ANSWERING", provider="fivesim")
        await say(db, "error", "PROVIDER_BAN", provider="herosms", until=until)
        await tell(db, keeper)
        await say(db, "info", "PROVIDER_ANSWERS_AGAIN", provider="herosms")
        await tell(db, keeper)
        assert len(keeper.told) == 1  # another provider's
        await say(db, "info", "PROVIDER_ANSWERS_AGAIN", provider="fivesim")
        await tell(db, keeper)
        assert [told["message"] for told in keeper.told[-1].body["over"]] == ["PROVIDER_NOT_ANSWERING"]
        await pass_time(db, 10 * QUIET)
        assert [message for _, message, _ in await rows(db)] == ["PROVIDER_BAN"]
        await db.execute("update alerts set data = data || jsonb_build_object('until', '2026-01-01T00:00:00Z')")
        assert (await tell(db, keeper))["open_error"] == 0

    run(database_url, scenario)


def test_a_provider_left_alone_for_longer_than_the_quiet_is_one_alert_until_then(database_url: str) -> None:
    """A breaker's pause is up to two minutes: nothing happens meanwhile, and nothing is over."""

    async def scenario(db: Pool) -> None:
        keeper, quiet = Keeper(), timedelta(seconds=10)
        for pause_s in (5, 10, 20, 40, 80, 120, 120):
            await say(db, "error", "PROVIDER_NOT_ANSWERING", provider="fivesim", pause_s=pause_s)
            await tell_alerts(db, {}, channels=[keeper], quiet=quiet)
            await pass_time(db, timedelta(seconds=pause_s))
            assert (await tell_alerts(db, {}, channels=[keeper], quiet=quiet))["open_error"] == 1
        assert [(times, message) for _, message, times in await rows(db)] == [(7, "PROVIDER_NOT_ANSWERING")]
        assert all(told.body["over"] == [] for told in keeper.told)
        await pass_time(db, timedelta(seconds=70))  # nobody asks it any more
        assert (await tell_alerts(db, {}, channels=[keeper], quiet=quiet))["open_error"] == 0

    run(database_url, scenario)


def test_route_that_an_operator_decides_about_is_no_alert_any_more(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        route = {"provider": "herosms", "service": "telegram", "country": "usa"}
        await db.execute(
            "insert into routes (provider, service, country, state) values ('herosms', 'telegram', 'usa', 'warned')"
        )
        await say(db, "warning", "a route is warned", "judge_routes", **route, after="warned")
        await db.execute("update services set warned_at = now() where service = 'telegram'")
        await say(db, "warning", "a service is warned", "judge_routes", service="telegram", after="warned")
        await tell(db, keeper)
        await pass_time(db, 10 * QUIET)
        assert (await tell(db, keeper))["open_warning"] == 2
        await db.execute("select set_route_state('herosms', 'telegram', 'usa', 'enabled', 'it is theirs to mend')")
        assert [message for _, message, _ in await rows(db)] == ["a route is warned", "a service is warned"]
        assert (await tell(db, keeper))["open_warning"] == 1
        await db.execute("select set_service_state('telegram', 'enabled', 'ticket 4')")
        assert (await tell(db, keeper))["open_warning"] == 0

    run(database_url, scenario)


def test_overdue_orders_are_over_when_they_have_ended(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        activation = await pending_order(db, await new_user(db))
        later = datetime.now(UTC) + timedelta(hours=5)
        assert await call(db, "tell_overdue", p_after=timedelta(hours=3), p_now=later) == 1
        await tell(db, keeper)
        await pass_time(db, -10 * QUIET)
        assert (await tell(db, keeper))["open_error"] == 1
        await db.fetchval("select refund_activation($1, 'ticket 1')", activation)
        assert (await tell(db, keeper))["open_error"] == 0

    run(database_url, scenario)


def test_beginning_and_end_are_events_of_the_operators_stream(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for _ in range(2):
            await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        await say(db, "critical", "a wallet needs a person", "correct_frozen_balance", user_id=str(await new_user(db)))
        await tell(db)
        await pass_time(db, QUIET)
        await tell(db)
        told = await db.fetch("select payload from events where type = 'admin.alert' order by seq")
        said = [orjson.loads(payload) for (payload,) in told]
        # A wallet's beginning is told by who found it: alert_wallet.
        assert [(each["alert"], each["message"], each["closed_by"]) for each in said] == [
            ("begun", "PROVIDER_BAN", None),
            ("over", "a wallet needs a person", "ended"),
            ("over", "PROVIDER_BAN", "quiet"),
        ]

    run(database_url, scenario)


def test_a_corrected_wallet_is_told_and_is_over_at_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await db.execute("alter table users disable trigger user")
        await db.execute("update users set frozen_balance = 3 where id = $1", user)
        await db.execute("alter table users enable trigger user")
        await db.execute("select correct_frozen_balance($1)", user)
        keeper = Keeper()
        for _ in range(2):
            await tell(db, keeper)
        [(message, closed_by)] = await db.fetch("select message, closed_by from alerts")
        assert (message, closed_by) == ("a wallet was corrected", "ended")
        begun, over = (told.body for told in keeper.told)
        assert (begun["alerts"][0]["times"], over["over"][0]["closed_by"]) == (1, "ended")

    run(database_url, scenario)


def test_warnings_are_told_if_the_setting_names_them(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        route = {"provider": "fivesim", "service": "telegram", "country": "usa"}
        await db.execute(
            "insert into routes (provider, service, country, state) values ('fivesim', 'telegram', 'usa', 'warned')"
        )
        await say(db, "warning", "a route is warned", "judge_routes", **route, after="warned")
        await say(db, "warning", "PROVIDER_LIMIT", provider="fivesim")
        await say(db, "info", "PROVIDER_ANSWERS_AGAIN", provider="fivesim")
        await tell(db, keeper)
        assert await rows(db) == [("warning", "a route is warned", 1)]
        assert await db.fetchval(UNTOLD) == 0
        await db.execute("""update settings set value = '["PROVIDER_LIMIT"]' where key = 'alert_warnings'""")
        await say(db, "warning", "PROVIDER_LIMIT", provider="fivesim")
        await tell(db, keeper)
        assert [message for _, message, _ in await rows(db)] == ["a route is warned", "PROVIDER_LIMIT"]

    run(database_url, scenario)


def test_each_broken_wallet_is_an_alert_and_the_worst_comes_first(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        await say(db, "error", "OUTCOME_UNKNOWN", provider="fivesim", user_id=str(uuid4()))
        await say(db, "error", "OUTCOME_UNKNOWN", provider="fivesim", user_id=str(uuid4()))
        for _ in range(2):
            await say(db, "critical", "a wallet needs a person", "correct_frozen_balance", user_id=str(uuid4()))
        await tell(db, keeper)
        assert [told["level"] for told in keeper.told[0].body["alerts"]] == ["critical", "critical", "error"]

    run(database_url, scenario)


def test_a_row_that_is_committed_late_is_told_as_well(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        keeper = Keeper()
        async with db.acquire() as late:
            transaction = late.transaction()
            await transaction.start()
            await late.execute("insert into system_logs (level, source, message) values ('error', 'x', 'LATE')")
            await say(db, "error", "EARLY")
            await tell(db, keeper)
            await transaction.commit()
        await tell(db, keeper)
        assert [told.body["alerts"][0]["message"] for told in keeper.told] == ["EARLY", "LATE"]

    run(database_url, scenario)


def test_rows_are_folded_once_however_many_fold(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute(
            "insert into system_logs (level, source, message) select 'error', 'x', 'M' || n % 3"
            "  from generate_series(1, 3000) n"
        )
        folded = 1
        while folded:
            folded = sum(await asyncio.gather(*(call(db, "fold_alerts", p_limit=100) for _ in range(8))))
        assert await db.fetchval("select array_agg(times order by key) from alerts") == [1000, 1000, 1000]

    run(database_url, scenario, connections_max=8)


def test_a_channel_that_fails_rests_and_tells_later_while_others_go_on(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        well, ill = Keeper(), Keeper("ill", fails=True)
        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        assert (await tell(db, ill, well))["failed_total"] == 1
        assert len(well.told) == 1
        ill.fails = False
        await tell(db, ill, well)
        assert ill.told == []  # it rests
        for failures in (1, 2, 3):
            await call(db, "rest_alert_channel", p_channel="ill", p_error="HTTP 500")
            row = await db.fetchrow("select failures, try_at - now() as pause from alert_channels")
            assert row["failures"] == failures + 1
            assert row["pause"] <= timedelta(seconds=10 * 2**failures)
        await pass_time(db, 2 * QUIET)
        await tell(db, ill, well)
        assert [told.body["alerts"][0]["message"] for told in ill.told] == ["PROVIDER_BAN"]
        assert await db.fetchval("select failures from alert_channels") == 0
        assert len(well.told) == 1

    run(database_url, scenario)


def test_what_a_channel_has_not_told_is_not_closed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        ill = Keeper(fails=True)
        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        await tell(db, ill)
        await pass_time(db, 10 * QUIET)
        assert (await tell(db, ill))["open_error"] == 1
        assert (await tell(db))["open_error"] == 0  # nobody is to be told

    run(database_url, scenario)


def test_who_dies_before_noting_it_has_it_told_again(database_url: str) -> None:
    class Dying(Keeper):
        async def tell(self, message: Message) -> None:
            await super().tell(message)
            raise asyncio.CancelledError

    async def scenario(db: Pool) -> None:
        await say(db, "error", "PROVIDER_BAN", provider="fivesim")
        dying, keeper = Dying(), Keeper()
        with pytest.raises(asyncio.CancelledError):
            await tell(db, dying)
        await tell(db, keeper)
        await tell(db, keeper)
        assert (len(dying.told), len(keeper.told)) == (1, 1)

    run(database_url, scenario)


def test_what_was_there_before_there_were_alerts_is_not_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        # As the migration does it, on rows that are there.
        await say(db, "error", "OLD")
        await db.execute("alter table system_logs drop column folded_at")
        await db.execute("alter table system_logs add column folded_at timestamptz default now()")
        await db.execute("alter table system_logs alter column folded_at drop default")
        await say(db, "error", "NEW")
        await tell(db)
        assert await rows(db) == [("error", "NEW", 1)]

    run(database_url, scenario)


def test_the_pollers_tell_over_a_real_webhook_by_themselves(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with hook() as (url, got), pool(database_url, "test", role=POLLERS) as theirs:
            settings = PollerSettings.model_validate({"demo": True, "alert_webhook_url": url})
            assert [channel.name for channel in open_channels(settings)] == ["webhook"]
            loops = [periodic_loop(theirs, settings) for _ in range(2)]
            await say(theirs, "error", "PROVIDER_BAN", provider="fivesim")
            running = [asyncio.create_task(loop.run()) for loop in loops]

            async def is_told() -> bool:
                return bool(got)

            await until(is_told)

            async def is_noted() -> bool:
                return bool(await db.fetchval("select count(*) from alert_tellings"))

            await until(is_noted)
            for loop in loops:
                loop.stop()
            await asyncio.gather(*running)
        [request] = got
        assert orjson.loads(request.partition(b"\r\n\r\n")[2])["text"].startswith("OneSMS error: PROVIDER_BAN")

    run(database_url, scenario)


def test_settings_are_the_pollers_too() -> None:
    assert issubclass(PollerSettings, AlertSettings)
