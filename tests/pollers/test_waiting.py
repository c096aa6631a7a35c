"""An experiment about waiting with a provider behind: given up when the arm says so, unless an SMS is there first."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from pollers.activations import ActivationWorker
from pollers.providers.contract import CancelResult
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from tests.pollers.support import Play, Rig
from tests.pollers.test_activations_crash import upstream

WAIT_S = 300
FROZEN = ("36.00", "5.00")
PAID = ("31.00", "0.00")
TIMED_OUT = ("timeout", "NO_SMS", "36.00", "0.00")


async def short(rig: Rig, wait_s: int = WAIT_S) -> UUID:
    """An order that waits so long for its SMS, its number bought."""
    arms = f'[{{"arm": "short", "wait_s": {wait_s}}}]'
    await rig.db.fetchval("select set_waiting_arms('whatsapp', $1::text::jsonb, 'test')", arms)
    return await rig.number()


def test_an_order_is_given_up_when_its_arm_says_so(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await short(rig)
        await rig.pass_time(WAIT_S - 3)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        stored = await rig.row(activation)
        assert stored["due_at"] <= stored["waits_until"]
        await rig.pass_time(3)
        await rig.work()
        assert await rig.end(activation) == TIMED_OUT
        assert await upstream(rig, activation) == "cancelled"

    play(scenario)


def test_the_number_of_an_ended_experiment_is_given_up_as_it_was_begun(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await short(rig)
        await rig.db.fetchval("select set_waiting_arms('whatsapp', null, 'over')")
        other = await rig.number()
        await rig.pass_time(WAIT_S)
        await rig.work()
        assert await rig.end(activation) == TIMED_OUT
        assert (await rig.row(other))["status"] == "pending"

    play(scenario)


def test_an_sms_between_giving_up_and_the_providers_cancel_is_delivered(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await short(rig)

        class SmsFirst(SmsActivate):
            async def cancel(self, provider_order_id: str) -> CancelResult:
                await rig.sms(activation)
                return await super().cancel(provider_order_id)

        await rig.pass_time(WAIT_S)
        await rig.work(rig.another_worker(SmsFirst))
        assert await rig.end(activation) == ("received", None, *PAID)
        stored = await rig.row(activation)
        assert stored["due_at"] == stored["expires_at"]  # served, it has the number's whole life
        assert [sms["code"] for sms in (await rig.shown(activation))["sms"]] == ["424242"]

    play(scenario)


def test_a_provider_that_cancels_no_sooner_is_asked_again_and_an_sms_still_counts(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await short(rig, 10)
        await rig.control("settings", early_cancel_s=1000)
        await rig.pass_time(10)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        assert (await rig.row(activation))["due_at"] > await rig.db.fetchval("select now() + interval '3 s'")
        await rig.sms(activation)
        await rig.pass_time(60)
        await rig.work()
        assert await rig.end(activation) == ("received", None, *PAID)

    play(scenario)


def test_a_cancel_whose_answer_was_lost_ends_as_a_timeout(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await short(rig)
        await rig.pass_time(WAIT_S)
        await rig.fault("setStatus", "drop_answer")
        await rig.work()
        assert await upstream(rig, activation) == "cancelled"
        await rig.pass_time(60)
        await rig.work()
        assert await rig.end(activation) == TIMED_OUT

    play(scenario)


def test_an_order_that_is_looked_at_with_others_is_due_when_it_is_given_up(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        provider = SmsActivate(rig.base_url, "demo", rig.http)
        always: Callable[[str], bool] = lambda _: True  # noqa: E731
        covered = ActivationWorker(rig.db, {"sms_activate": provider}, PollerSettings(demo=True), covers=always)
        await rig.db.fetchval(
            "select set_waiting_arms('whatsapp', $1::text::jsonb, 'test')", f'[{{"arm": "a", "wait_s": {WAIT_S}}}]'
        )
        activation = await rig.number(worker=covered)
        stored = await rig.row(activation)
        assert stored["due_at"] == stored["waits_until"] < stored["expires_at"] - timedelta(seconds=600)
        await rig.pass_time(WAIT_S)
        await rig.work(covered)
        assert await rig.end(activation) == TIMED_OUT

    play(scenario)
