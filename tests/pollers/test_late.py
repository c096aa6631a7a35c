"""Orders that are over are looked at again for a while: an SMS after the refund is found, shown, and charged once.

The simulator lets it come as a provider does that has answered a cancel with the SMS already on its way.
"""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from pollers.books import Comparison
from pollers.bulk import BulkLooker
from pollers.providers.contract import CheckResult, Delivered, Message, Unavailable, Waiting
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.readings import compare
from pollers.turns import Held
from tests.pollers.support import Play, Rig
from tests.pollers.test_activations_crash import POINTS_MAX, survives
from wallet_db import accounts

NAME = "sms_activate"
SOON = timedelta(seconds=60)
AGAIN = timedelta(minutes=1)


def looker(rig: Rig, client: type[SmsActivate] = SmsActivate) -> BulkLooker:
    return BulkLooker(rig.db, {NAME: client(rig.base_url, "demo", rig.http)}, uncovered_within=SOON)


async def look(rig: Rig, bulk: BulkLooker, *, after: timedelta = AGAIN) -> None:
    """Time passes for the orders that are over, then the account is looked at."""
    await rig.db.execute("update late_looks set due_at = due_at - $1::interval, until = until - $1::interval", after)
    await bulk.claim(1)  # makes the account's row
    await rig.db.execute("update provider_accounts set due_at = now()")
    [claimed] = await bulk.claim(1)
    await bulk.look(claimed)


async def cancelled(rig: Rig) -> UUID:
    activation = await rig.number()
    await rig.request_cancel(activation)
    await rig.work()
    assert (await rig.end(activation))[0] == "cancelled"
    return activation


async def run_out(rig: Rig) -> UUID:
    activation = await rig.number()
    await rig.pass_time(1200, only=activation)
    await rig.work()
    assert (await rig.end(activation))[0] == "timeout"
    return activation


async def late_sms(rig: Rig, activation: UUID, code: str = "424242") -> None:
    id_ = (await rig.row(activation))["provider_order_id"]
    await rig.control(f"activations/{id_}/sms", code=code, text=f"Your code is {code}", late=True)


async def left(rig: Rig) -> int:
    count: int = await rig.db.fetchval("select count(*) from late_looks")
    return count


async def compared(rig: Rig) -> Comparison:
    provider = SmsActivate(rig.base_url, "demo", rig.http)
    return await compare(rig.db, NAME, provider, paid_in=Decimal(0), checks_max=9)


@pytest.mark.parametrize("over", [cancelled, run_out])
def test_an_sms_after_the_refund_is_shown_and_charged_once(play: Play, over: type) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await over(rig)
        status = (await rig.row(activation))["status"]
        assert await rig.end(activation) == (status, "NO_SMS" if over is run_out else None, "36.00", "0.00")
        await late_sms(rig, activation)
        for _ in range(3):
            await look(rig, looker(rig))
        assert await rig.end(activation) == (status, "LATE_SMS", "31.00", "0.00")
        assert [sms["code"] for sms in (await rig.shown(activation))["sms"]] == ["424242"]
        assert (await rig.row(activation))["late_sms_at"] is not None

    play(scenario)


def test_looks_ride_along_and_end(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        activation = await cancelled(rig)
        await rig.number()
        assert await left(rig) == 1
        await look(rig, bulk, after=timedelta(0))
        assert await rig.asked("getActiveActivations") == 1
        assert await rig.asked("getStatusV2") == 0
        for _ in range(11):
            await look(rig, bulk)
        assert await left(rig) == 0
        assert await rig.asked("getActiveActivations") == 12  # no look more than the open order's own
        await late_sms(rig, activation)
        await look(rig, bulk)
        assert (await rig.end(activation))[2] == "36.00"  # too late for a look: a webhook's hint it is then

    play(scenario)


def test_without_an_open_order_the_account_is_asked_only_when_a_closed_one_is_due(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await cancelled(rig)
        for _ in range(3):
            await look(rig, bulk, after=timedelta(0))
        assert await rig.asked("getActiveActivations") == 0
        await look(rig, bulk)
        await look(rig, bulk, after=timedelta(0))
        assert await rig.asked("getActiveActivations") == 1

    play(scenario)


def test_a_hint_has_a_closed_order_asked_about_even_when_the_looks_are_over(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        activation = await cancelled(rig)
        id_ = (await rig.row(activation))["provider_order_id"]
        await rig.db.execute("delete from late_looks")
        await late_sms(rig, activation)
        assert await accounts.hint_order(rig.db, NAME, id_)
        assert await accounts.hint_order(rig.db, NAME, id_)
        await look(rig, bulk, after=timedelta(0))
        assert (await rig.end(activation))[:3] == ("cancelled", "LATE_SMS", "31.00")
        assert await left(rig) == 0
        assert await accounts.hint_order(rig.db, NAME, id_)  # known, and looked at just now
        assert await left(rig) == 0
        await rig.db.execute("update activations set hinted_at = null, closed_at = now() - interval '2 days'")
        assert not await accounts.hint_order(rig.db, NAME, id_)
        assert await left(rig) == 0

    play(scenario)


class Secretive(SmsActivate):
    """Shows an order that is over to who asks about it, and on no list."""

    async def check_many(self, provider_order_ids: object) -> dict[str, Waiting | Delivered]:  # type: ignore[override]
        return {}


def test_a_hinted_order_is_asked_about_by_itself(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig, Secretive)
        activation = await cancelled(rig)
        await late_sms(rig, activation)
        await look(rig, bulk)
        assert (await rig.end(activation))[2] == "36.00"
        await accounts.hint_order(rig.db, NAME, (await rig.row(activation))["provider_order_id"])
        await look(rig, bulk, after=timedelta(0))
        assert (await rig.end(activation))[2] == "31.00"
        asked = await rig.asked("getStatusV2")
        await look(rig, bulk)
        assert await rig.asked("getStatusV2") == asked

    play(scenario)


class Away(Secretive):
    """Does not answer about single orders."""

    async def check(self, provider_order_id: str) -> CheckResult:
        raise Unavailable("not now")


def test_a_hint_outlasts_a_provider_that_is_away(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await cancelled(rig)
        await late_sms(rig, activation)
        await accounts.hint_order(rig.db, NAME, (await rig.row(activation))["provider_order_id"])
        await look(rig, looker(rig, Away), after=timedelta(0))
        assert (await rig.end(activation))[2] == "36.00"
        await look(rig, looker(rig, Secretive))
        assert (await rig.end(activation))[2] == "31.00"

    play(scenario)


class Busy(Secretive):
    """Has no turn to spare, after so many."""

    left = 2
    asked = 0

    async def check(self, provider_order_id: str) -> CheckResult:
        self.asked += 1
        if self.asked > self.left:
            raise Held("no turn for another request")
        return await super().check(provider_order_id)


def test_closed_orders_are_asked_about_after_the_look_and_only_while_there_are_turns(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        busy = Busy(rig.base_url, "demo", rig.http)
        bulk = BulkLooker(rig.db, {NAME: busy}, uncovered_within=SOON)
        for _ in range(5):
            await accounts.hint_order(rig.db, NAME, (await rig.row(await cancelled(rig)))["provider_order_id"])
        await look(rig, bulk, after=timedelta(0))
        assert busy.asked == busy.left + 1
        assert await left(rig) == 5
        busy.left = 100
        await look(rig, bulk)
        assert await rig.db.fetchval("select count(*) from late_looks where hinted_at is not null") == 0

    play(scenario)


class Slow(Secretive):
    """Takes its time about single orders."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.begun, self.may_answer = asyncio.Event(), asyncio.Event()
        self.asked = 0

    async def check(self, provider_order_id: str) -> CheckResult:
        self.asked += 1
        self.begun.set()
        await self.may_answer.wait()
        return await super().check(provider_order_id)


def test_no_look_waits_for_closed_orders_that_are_asked_about(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        slow = Slow(rig.base_url, "demo", rig.http)
        bulk = BulkLooker(rig.db, {NAME: slow}, uncovered_within=SOON)
        for _ in range(2):
            await accounts.hint_order(rig.db, NAME, (await rig.row(await cancelled(rig)))["provider_order_id"])
        first = asyncio.create_task(look(rig, bulk, after=timedelta(0)))
        await slow.begun.wait()
        assert await rig.db.fetchval("select due_at < now() + interval '10 seconds' from provider_accounts")
        await look(rig, bulk)  # and asks about nothing beside the first
        assert slow.asked == 1
        slow.may_answer.set()
        await first
        assert slow.asked == 2

    play(scenario)


class Codes(SmsActivate):
    """Lists codes without their texts."""

    async def check_many(self, provider_order_ids: object) -> dict[str, Waiting | Delivered]:  # type: ignore[override]
        listed = await super().check_many(provider_order_ids)  # type: ignore[arg-type]
        return {
            id_: Delivered(tuple(Message(sms.code, "") for sms in seen.messages))
            if isinstance(seen, Delivered)
            else seen
            for id_, seen in listed.items()
        }


def test_an_sms_told_with_and_without_its_text_is_one(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await cancelled(rig)
        await late_sms(rig, activation)
        for client in (Codes, SmsActivate, Codes):
            await look(rig, looker(rig, client))
        assert [sms["text"] for sms in (await rig.shown(activation))["sms"]] == ["Your code is 424242"]

    play(scenario)


@pytest.mark.parametrize(
    ("policy", "balance", "shown", "error_code", "logged"),
    [("charge", "31.00", 1, "LATE_SMS", 0), ("give", "36.00", 1, "LATE_SMS", 1), ("ignore", "36.00", 0, None, 1)],
)
def test_the_policy_holds_and_is_told_once(
    play: Play, policy: str, balance: str, shown: int, error_code: str | None, logged: int
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.db.execute("update settings set value = to_jsonb($1::text) where key = 'late_sms'", policy)
        try:
            first = await compare(
                rig.db, NAME, SmsActivate(rig.base_url, "demo", rig.http), paid_in=Decimal(0), checks_max=9
            )
            assert first.agrees
            activation = await cancelled(rig)
            await late_sms(rig, activation)
            for _ in range(3):
                await look(rig, looker(rig))
            assert (await rig.end(activation))[1:3] == (error_code, balance)
            assert len((await rig.shown(activation))["sms"]) == shown
            assert await rig.db.fetchval("select count(*) from system_logs where source = 'apply_late_sms'") == logged
            # Paid for upstream after all, whatever the policy: to the cent, and nothing to look at.
            books = await compare(
                rig.db, NAME, SmsActivate(rig.base_url, "demo", rig.http), paid_in=Decimal(0), checks_max=9
            )
            assert (books.findings, books.difference, books.tolerance) == ([], Decimal(0), Decimal(0))
            assert first.balance is not None
            assert books.balance is not None
            assert books.balance < first.balance
        finally:
            await rig.db.execute("update settings set value = '\"charge\"' where key = 'late_sms'")

    play(scenario)


def test_a_death_at_any_wait_loses_no_late_sms_and_charges_it_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bulk = looker(rig)
        await bulk.claim(1)
        for nth in range(POINTS_MAX):
            activation = await cancelled(rig)
            await late_sms(rig, activation)
            await rig.db.execute("delete from late_looks where activation_id <> $1", activation)
            await rig.db.execute("update late_looks set due_at = now()")
            await rig.db.execute("update provider_accounts set due_at = now()")
            [claimed] = await bulk.claim(1)
            survived = await survives(looker(rig).look(claimed), nth)
            await look(rig, bulk)
            assert (await rig.end(activation))[:3] == ("cancelled", "LATE_SMS", "31.00"), f"after a death at wait {nth}"
            assert len((await rig.shown(activation))["sms"]) == 1
            if survived:
                break
        assert survived
        assert nth > 5

    play(scenario)


def test_two_processes_find_it_at_once_and_charge_it_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await cancelled(rig)
        await late_sms(rig, activation)
        [found] = await SmsActivate(rig.base_url, "demo", rig.http).active()
        sms = found.messages[0]
        apply = "select apply_activation_sms($1, $2, $3)"
        outcomes = await asyncio.gather(*(rig.db.fetchval(apply, activation, sms.code, sms.text) for _ in range(8)))
        assert sorted(outcomes) == ["charged"] + ["repeated"] * 7
        await look(rig, looker(rig))
        assert (await rig.end(activation))[2] == "31.00"

    play(scenario)


@pytest.mark.parametrize(("client", "prefix"), [(SmsActivate, ""), (HeroSms, "/hero"), (FiveSim, "")])
def test_every_provider_shows_a_late_sms_on_its_list_and_to_who_asks(
    play: Play, client: type[SmsActivate], prefix: str
) -> None:
    async def scenario(rig: Rig) -> None:
        provider = client(rig.base_url + prefix, "demo", rig.http)
        codes = ("whatsapp", "indonesia") if client is FiveSim else ("wa", "6")  # type: ignore[comparison-overlap]
        bought = await provider.buy("late", *codes, None)
        id_ = bought.provider_order_id
        await provider.cancel(id_)
        paid = await provider.balance()
        await rig.control(f"activations/{id_}/sms", code="7", text="code 7", late=True)
        listed = await provider.check_many([id_])
        seen = listed[id_]
        assert isinstance(seen, Delivered)
        assert [(sms.code, sms.text) for sms in seen.messages] == [("7", "code 7")]
        assert isinstance(await provider.check(id_), Delivered)
        assert bought.cost
        assert await provider.balance() == paid - bought.cost

    play(scenario)
