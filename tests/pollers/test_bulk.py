"""All open orders of an account looked at together: few requests, one looker, and nothing lost whoever dies."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from pollers.activations import ActivationWorker
from pollers.bulk import ABSENT_EVERY, BulkLooker
from pollers.providers.contract import Delivered, Unavailable, UnknownAnswer, Waiting
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from tests.pollers.support import Play, Rig
from wallet_db import accounts, orders
from wallet_db.accounts import AccountLook

NAME = "sms_activate"
SOON = timedelta(seconds=60)


def looker(rig: Rig, kind: type[SmsActivate] = SmsActivate) -> BulkLooker:
    return BulkLooker(rig.db, {NAME: kind(rig.base_url, "demo", rig.http)}, uncovered_within=SOON)


def covered_worker(rig: Rig, bulk: BulkLooker) -> ActivationWorker:
    provider = SmsActivate(rig.base_url, "demo", rig.http)
    return ActivationWorker(rig.db, {NAME: provider}, PollerSettings(demo=True), covers=bulk.covers)


async def claim(bulk: BulkLooker) -> AccountLook:
    [look] = await bulk.claim(1)
    return look


async def look_now(rig: Rig, bulk: BulkLooker) -> None:
    """A look, due or not."""
    await rig.db.execute("update provider_accounts set due_at = now()")
    claimed = await bulk.claim(1)
    await bulk.look(claimed[0] if claimed else await claim(bulk))  # the first claim makes the row


async def rest_s(rig: Rig) -> float:
    """How long until the account is due."""
    return float(await rig.db.fetchval("select extract(epoch from due_at - now()) from provider_accounts"))


async def due_s(rig: Rig, activation: UUID) -> float:
    return float(
        await rig.db.fetchval("select extract(epoch from due_at - now()) from activations where id = $1", activation)
    )


@pytest.fixture(autouse=True)
def _no_accounts(play: Play) -> None:
    async def forget(rig: Rig) -> None:
        await rig.db.execute("truncate provider_accounts, presence")

    play(forget)


def test_one_request_finds_every_sms_and_writes_nothing_for_who_waits(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        numbers = [await rig.number() for _ in range(6)]
        for activation in numbers[:2]:
            await rig.sms(activation, "424242")
        before = await rig.db.fetch("select id, xmin::text from activations where id = any($1)", numbers[2:])
        await look_now(rig, looker(rig))
        assert await rig.asked("getActiveActivations") == 1
        assert [(await rig.row(activation))["status"] for activation in numbers] == ["received"] * 2 + ["pending"] * 4
        assert (await rig.shown(numbers[0]))["sms"][0]["code"] == "424242"
        assert await rig.db.fetch("select id, xmin::text from activations where id = any($1)", numbers[2:]) == before
        assert await rig.end(numbers[0]) == ("received", None, "31.00", "0.00")

    play(scenario)


def test_a_covered_order_rests_until_its_end_and_an_uncovered_one_does_not(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        before = await rig.number()
        await look_now(rig, bulk)
        worker = covered_worker(rig, bulk)
        bought = await rig.number(worker=worker)
        assert await due_s(rig, bought) > 1000
        await rig.pass_time(2, only=before)
        await rig.work(worker)
        assert await due_s(rig, before) > 1000
        assert await rig.asked("getStatusV2") == 1
        single = await rig.number()  # a worker that knows of no coverage
        assert await due_s(rig, single) < 10

    play(scenario)


def test_two_processes_share_an_account_without_doubling_a_request(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.number()
        both = [looker(rig), looker(rig)]
        await both[0].claim(1)  # makes the row
        for _ in range(5):
            await rig.db.execute("update provider_accounts set due_at = now()")
            claimed = await asyncio.gather(*(bulk.claim(1) for bulk in both))
            assert sorted(map(len, claimed)) == [0, 1]
            for bulk, looks in zip(both, claimed, strict=True):
                for look in looks:
                    await bulk.look(look)
        assert await rig.asked("getActiveActivations") == 5
        await both[0].claim(1)
        await both[1].claim(1)
        assert all(bulk.covers(NAME) for bulk in both)

    play(scenario)


def test_orders_that_wait_for_another_sms_are_looked_at_with_all_others(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await rig.number()
        await look_now(rig, bulk)  # covered from here on
        worker = covered_worker(rig, bulk)
        activation = await rig.number(worker=worker)
        await rig.sms(activation, "111111")
        await look_now(rig, bulk)
        await orders.request_another_sms(rig.db, (await rig.row(activation))["user_id"], activation)
        await rig.work(worker)
        assert (await rig.shown(activation))["another_sms"] == "waiting"
        assert await due_s(rig, activation) > 1000
        before = await rig.db.fetchval("select xmin::text from activations where id = $1", activation)
        single = await rig.asked("getStatusV2")
        await look_now(rig, bulk)  # which tells of the first once more
        assert await rest_s(rig) < 1.6
        assert await rig.db.fetchval("select xmin::text from activations where id = $1", activation) == before
        await rig.sms(activation, "222222")
        await look_now(rig, bulk)
        assert [sms["code"] for sms in (await rig.shown(activation))["sms"]] == ["111111", "222222"]
        assert (await rig.shown(activation))["another_sms"] is None
        assert await rig.asked("getStatusV2") == single
        assert await rig.end(activation) == ("received", None, "31.00", "0.00")

    play(scenario)


def test_killed_between_the_answer_and_its_application_the_next_looker_delivers(play: Play) -> None:
    class Deadly(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            assert any(
                isinstance(found, Delivered) for found in (await super().check_many(provider_order_ids)).values()
            )
            raise asyncio.CancelledError

    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation)
        with pytest.raises(asyncio.CancelledError):
            await look_now(rig, looker(rig, Deadly))
        assert (await rig.row(activation))["status"] == "pending"
        assert await looker(rig).claim(1) == []  # leased to the dead one
        await rig.db.execute("update provider_accounts set due_at = due_at - interval '31 seconds'")
        second = looker(rig)
        await second.look(await claim(second))
        assert await rig.end(activation) == ("received", None, "31.00", "0.00")

    play(scenario)


def test_a_look_that_outlived_its_lease_changes_nothing_of_the_next_ones(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.number()
        slow, next_one = looker(rig), looker(rig)
        await slow.claim(1)
        late = await claim(slow)
        await rig.db.execute("update provider_accounts set due_at = now()")
        leased = await claim(next_one)
        await slow.look(late)
        assert await rig.db.fetchval("select due_at from provider_accounts") == leased.leased_until

    play(scenario)


def test_an_sms_that_the_list_tells_without_its_text_is_one_sms_with_its_text(play: Play) -> None:
    class Terse(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            told = await super().check_many(provider_order_ids)
            return {
                id_: Delivered(tuple(replace(message, text="") for message in found.messages))
                for id_, found in told.items()
                if isinstance(found, Delivered)
            }

    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation, "424242")
        await look_now(rig, looker(rig, Terse))
        await rig.pass_time(1200)
        await rig.work()  # which looks once more before it finishes
        assert (await rig.row(activation))["status"] == "completed"
        assert [(sms["code"], sms["text"]) for sms in (await rig.shown(activation))["sms"]] == [
            ("424242", "Your code is 424242")
        ]

    play(scenario)


def test_an_order_the_list_does_not_tell_of_is_looked_at_by_itself_now_and_then(play: Play) -> None:
    class Forgetful(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            await super().check_many(provider_order_ids)
            return {}

    async def scenario(rig: Rig) -> None:
        covered, bulk = looker(rig), looker(rig, Forgetful)
        await rig.number()  # an account without orders is not looked at, so none of its orders is covered
        await look_now(rig, covered)
        activation = await rig.number(worker=covered_worker(rig, covered))
        await look_now(rig, bulk)
        assert await due_s(rig, activation) <= 0
        await rig.work(covered_worker(rig, covered))
        assert await due_s(rig, activation) > 1000
        await look_now(rig, bulk)
        assert await due_s(rig, activation) > 1000
        await rig.db.execute("update activations set hinted_at = hinted_at - $1::interval", ABSENT_EVERY)
        await look_now(rig, bulk)
        assert await due_s(rig, activation) <= 0
        assert (await rig.row(activation))["status"] == "pending"

    play(scenario)


def test_one_the_provider_has_ended_is_refunded_by_its_own_look_only(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        activation = await rig.number()
        await look_now(rig, bulk)
        worker = covered_worker(rig, bulk)
        await SmsActivate(rig.base_url, "demo", rig.http).cancel((await rig.row(activation))["provider_order_id"])
        await look_now(rig, bulk)
        assert (await rig.row(activation))["status"] == "pending"
        await rig.work(worker)
        assert await rig.end(activation) == ("cancelled", "ENDED", "36.00", "0.00")

    play(scenario)


def test_where_the_list_cannot_be_read_orders_are_due_one_by_one_again(play: Play) -> None:
    class Odd(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            raise UnknownAnswer("not what the protocol says")

    async def scenario(rig: Rig) -> None:
        bulk, odd = looker(rig), looker(rig, Odd)
        await rig.number()
        await look_now(rig, bulk)
        activation = await rig.number(worker=covered_worker(rig, bulk))
        assert await due_s(rig, activation) > 1000
        await look_now(rig, odd)
        assert await due_s(rig, activation) <= SOON.total_seconds()
        assert not odd.covers(NAME)
        await bulk.claim(1)
        assert not bulk.covers(NAME)

    play(scenario)


def test_nobody_is_asked_while_nothing_is_open_and_less_often_while_nobody_watches(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await look_now(rig, bulk)
        assert await rig.asked("getActiveActivations") == 0
        activation = await rig.number()
        await look_now(rig, bulk)
        assert await rest_s(rig) < 1.6  # just bought: somebody watches
        await rig.pass_time(60, only=activation)
        await look_now(rig, bulk)
        assert 2 < await rest_s(rig) <= 3
        await rig.pass_time(600, only=activation)
        await look_now(rig, bulk)
        assert 7 < await rest_s(rig) <= 8
        user = (await rig.row(activation))["user_id"]
        assert await accounts.note_presence(rig.db, [user], lasts=SOON) == 1
        await look_now(rig, bulk)
        assert 2 < await rest_s(rig) <= 3

    play(scenario)


async def hint(rig: Rig, activation: UUID) -> None:
    assert await accounts.hint_order(rig.db, NAME, (await rig.row(activation))["provider_order_id"])


def test_hints_at_orders_that_are_looked_at_together_cost_one_look_at_all(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await rig.number()
        await look_now(rig, bulk)
        worker = covered_worker(rig, bulk)
        numbers = [await rig.number(worker=worker) for _ in range(5)]
        await look_now(rig, bulk)
        single, at_all = await rig.asked("getStatusV2"), await rig.asked("getActiveActivations")
        for activation in numbers:
            await rig.sms(activation)
            await hint(rig, activation)
        assert 0 < await rest_s(rig) <= 1  # not at once: it was looked at just now
        await rig.work(worker)  # none is due by itself
        await rig.db.execute("update provider_accounts set due_at = due_at - interval '1 second'")
        await bulk.look(await claim(bulk))
        assert {(await rig.row(activation))["status"] for activation in numbers} == {"received"}
        assert await rig.asked("getStatusV2") == single
        assert await rig.asked("getActiveActivations") == at_all + 1
        assert await rest_s(rig) > 1  # the hints are answered

    play(scenario)


def test_a_hint_during_a_look_is_answered_by_the_next_one_soon(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        activation = await rig.number()
        await look_now(rig, bulk)
        await rig.pass_time(600, only=activation)  # so that looks are seconds apart
        await rig.db.execute("update provider_accounts set due_at = now()")
        under_way = await claim(bulk)
        await hint(rig, activation)
        assert await looker(rig).claim(1) == []  # nobody else looks meanwhile
        await bulk.look(under_way)
        assert await rest_s(rig) <= 1
        await look_now(rig, bulk)
        assert await rest_s(rig) > 7

    play(scenario)


def test_where_a_look_at_all_takes_long_a_hint_has_its_order_looked_at_by_itself(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await rig.number()
        await look_now(rig, bulk)
        activation = await rig.number(worker=covered_worker(rig, bulk))
        for took_s, is_due in ((2, False), (3, True), (1, False)):
            await rig.db.execute("update provider_accounts set due_at = now()")
            look = await claim(bulk)
            took = timedelta(seconds=took_s)
            await accounts.finish_account_look(rig.db, look, pause=2 * took, covered=SOON, hints_after=took)
            await hint(rig, activation)
            assert (await due_s(rig, activation) <= 0) is is_due
            assert (await rest_s(rig) > took_s) is is_due
            await rig.work(covered_worker(rig, bulk))

    play(scenario)


def test_a_hint_makes_no_look_due_that_a_provider_has_put_off(play: Play) -> None:
    class Limited(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            raise Unavailable("RATE_LIMIT", retry_after_s=40)

    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await look_now(rig, looker(rig))
        await look_now(rig, looker(rig, Limited))
        await hint(rig, activation)
        assert await rest_s(rig) > 30

    play(scenario)


def test_an_order_hinted_at_that_the_list_does_not_show_is_looked_at_by_itself_at_once(play: Play) -> None:
    class Forgetful(SmsActivate):
        async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
            return {}

    async def scenario(rig: Rig) -> None:
        covered, bulk = looker(rig), looker(rig, Forgetful)
        await rig.number()
        await look_now(rig, covered)
        worker = covered_worker(rig, covered)
        activation = await rig.number(worker=worker)
        await look_now(rig, bulk)
        await rig.work(worker)  # as one that is absent, which is not to be for half a minute now
        await look_now(rig, bulk)
        assert await due_s(rig, activation) > 1000
        await rig.sms(activation)
        await hint(rig, activation)
        await look_now(rig, bulk)
        assert await due_s(rig, activation) <= 0
        await rig.work(worker)
        assert (await rig.row(activation))["status"] == "received"

    play(scenario)


def test_a_hint_makes_an_order_due_once_a_second_and_an_unknown_one_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        id_ = (await rig.row(activation))["provider_order_id"]
        await rig.db.execute("update activations set due_at = now() + interval '10 minutes'")
        assert await accounts.hint_order(rig.db, NAME, id_)
        assert await due_s(rig, activation) <= 0
        await rig.db.execute("update activations set due_at = now() + interval '10 minutes'")
        assert await accounts.hint_order(rig.db, NAME, id_)
        assert await due_s(rig, activation) > 500
        await rig.pass_time(0)
        await rig.db.execute("update activations set hinted_at = hinted_at - interval '1 second'")
        assert await accounts.hint_order(rig.db, NAME, id_)
        assert await due_s(rig, activation) <= 0
        assert not await accounts.hint_order(rig.db, NAME, "404")
        assert not await accounts.hint_order(rig.db, "herosms", id_)

    play(scenario)
