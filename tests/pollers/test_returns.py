"""A number sold for an order that an operator refunded in doubt is found and given back; nobody else loses his."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pollers.adoption import DOUBT_MAX
from pollers.providers.contract import AlreadyDelivered, CancelResult, Provider
from pollers.providers.sms_activate import SmsActivate
from pollers.returns import return_numbers
from tests.pollers.support import Play, Rig
from wallet_db import operators

NAME = "sms_activate"
WINDOW_S = 31.0


async def refunded_in_doubt(rig: Rig) -> UUID:
    """An order whose purchase had no answer, and whose money an operator gave back."""
    activation = await rig.order()
    await rig.fault("getNumberV2", "drop_answer")
    await rig.work()
    assert (await rig.row(activation))["purchase_started_at"] is not None
    await operators.refund_activation(rig.db, activation, reason="ticket 12", actor="ann")
    assert await rig.end(activation) == ("cancelled", "REFUNDED_BY_OPERATOR", "36.00", "0.00")
    return activation


async def pass_time(rig: Rig, seconds: float) -> None:
    await rig.db.execute(
        "update numbers_in_doubt set begun_at = begun_at - $1::interval, found_at = found_at - $1::interval",
        timedelta(seconds=seconds),
    )
    await rig.pass_time(seconds)


async def look(rig: Rig, provider: Provider | None = None, *, after_s: float = 60) -> tuple[int, int]:
    """Time passes, then the numbers are looked for: (in doubt, returned)."""
    await pass_time(rig, after_s)
    providers = {NAME: provider or SmsActivate(rig.base_url, "demo", rig.http)}
    result = await return_numbers(rig.db, {}, providers=providers)
    return result["in_doubt"], result["returned"]


async def told(rig: Rig) -> list[tuple[str, str]]:
    rows = await rig.db.fetch("select level, message from system_logs where source = 'pollers' order by id")
    return [tuple(row) for row in rows]


@pytest.fixture(autouse=True)
def _nothing_in_doubt(play: Play) -> None:
    async def forget(rig: Rig) -> None:
        await rig.db.execute("truncate numbers_in_doubt, alerts cascade")

    play(forget)


def test_a_number_sold_all_the_same_is_given_back_once_it_is_listed(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await refunded_in_doubt(rig)
        await rig.db.execute("select fold_alerts(10)")
        assert await look(rig, after_s=1) == (1, 0)  # an answer may still come
        await rig.fault("getActiveActivations", "http_500")
        assert await look(rig) == (1, 0)  # the provider cannot be asked
        assert await look(rig) == (1, 0)  # seen
        [number] = await rig.sold(activation)
        assert number["state"] == "waiting"
        await rig.db.execute("select close_alerts('{}', '1 day')")
        assert await rig.db.fetchval("select closed_at is null from alerts")
        assert await look(rig) == (1, 1)
        [number] = await rig.sold(activation)
        assert number["state"] == "cancelled"
        assert await told(rig) == [("info", "NUMBER_RETURNED")]
        assert await look(rig) == (0, 0)
        await rig.db.execute("select close_alerts('{}', '1 day')")
        assert await rig.db.fetchval("select closed_by from alerts") == "ended"
        assert await rig.end(activation) == ("cancelled", "REFUNDED_BY_OPERATOR", "36.00", "0.00")

    play(scenario)


def test_what_was_not_sold_is_looked_for_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bystander = await rig.number()
        activation = await rig.order()
        await rig.begin_purchase(activation)  # and died before the request
        await operators.refund_activation(rig.db, activation, reason="ticket 12", actor="ann")
        assert await look(rig) == (1, 0)
        assert await look(rig) == (0, 0)
        assert await told(rig) == [("info", "NUMBER_NOT_SOLD")]
        assert await rig.upstream_state(bystander) == "waiting"

    play(scenario)


def test_a_number_that_an_order_may_have_bought_or_may_adopt_is_left_to_it(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await refunded_in_doubt(rig)
        assert await look(rig) == (1, 0)  # seen
        rival = await rig.order()
        await rig.begin_purchase(rival)
        assert await look(rig, after_s=20) == (1, 0)  # in doubt, too, and may adopt it
        await rig.db.execute("update activations set due_at = now() where id = $1", rival)
        await rig.pass_time(WINDOW_S, only=rival)
        await rig.work()
        assert (await rig.row(rival))["status"] == "pending"  # it did
        assert await look(rig) == (1, 0)
        assert await look(rig) == (0, 0)
        assert await rig.upstream_state(rival) == "waiting"
        assert await told(rig) == [("info", "NUMBER_NOT_SOLD")]

    play(scenario)


def test_two_numbers_are_both_given_back_and_a_third_that_is_known_is_not(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bystander = await rig.number()
        both = [await refunded_in_doubt(rig) for _ in range(2)]
        assert await look(rig) == (2, 0)
        assert await look(rig) == (2, 2)
        assert {(await rig.sold(each))[0]["state"] for each in both} == {"cancelled"}
        assert await rig.upstream_state(bystander) == "waiting"

    play(scenario)


def test_a_purchase_begun_just_now_does_not_hold_it_up(play: Play) -> None:
    """It cannot have bought a number seen a minute ago, and adopts none before the cancel has ended."""

    async def scenario(rig: Rig) -> None:
        await refunded_in_doubt(rig)
        assert await look(rig) == (1, 0)
        await pass_time(rig, 60)
        await rig.begin_purchase(await rig.order())
        assert await look(rig, after_s=0) == (1, 1)

    play(scenario)


def test_one_that_is_refused_as_too_early_is_tried_again(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("settings", early_cancel_s=3600)
        await refunded_in_doubt(rig)
        assert [await look(rig) for _ in range(3)] == [(1, 0)] * 3
        await rig.control("settings", early_cancel_s=0)
        assert await look(rig) == (1, 1)

    play(scenario)


def test_one_that_is_paid_for_or_could_never_be_looked_for_is_told(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        class Served(SmsActivate):
            async def cancel(self, provider_order_id: str) -> CancelResult:
                await rig.control(f"activations/{provider_order_id}/sms", code="424242", text="424242")
                outcome: Any = await super().cancel(provider_order_id)
                assert isinstance(outcome, AlreadyDelivered)
                return outcome

        await refunded_in_doubt(rig)
        served = Served(rig.base_url, "demo", rig.http)
        assert [await look(rig, served) for _ in range(2)] == [(1, 0), (1, 0)]
        await refunded_in_doubt(rig)
        await rig.db.execute("update numbers_in_doubt set provider = 'gone'")  # no account there any more
        assert await look(rig) == (1, 0)
        assert await look(rig, after_s=DOUBT_MAX.total_seconds()) == (1, 0)
        assert await told(rig) == [("warning", "NUMBER_LEFT_OVER")] * 2
        assert await look(rig) == (0, 0)
        assert await rig.db.fetchval("select fold_alerts(10)") > 0
        alerts = {row[0] for row in await rig.db.fetch("select message from alerts")}
        assert "NUMBER_LEFT_OVER" in alerts

    play(scenario)
