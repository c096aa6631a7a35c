"""An account wrapped: against the simulator with its limits on, its faults armed, and bans told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pollers.accounts import Account
from pollers.breaker import FAULTS_MAX, PAUSE_S, State
from pollers.calls import PROBED_S_MAX
from pollers.providers.contract import AccountProblem, Provider, Unavailable, UnknownOrder
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.simulator import SimulatorSettings, running
from pollers.turns import Held, on_behalf_of, pace
from tests.gateway.support import in_a_loop
from tests.pollers.support import answering

AT_ONCE = 40


@dataclass
class Stage:
    """A simulator, a client that keeps the pace, and what the operator was told."""

    base_url: str
    http: httpx.AsyncClient
    told: list[tuple[str, str]] = field(default_factory=list)

    async def tell(self, level: str, error_code: str, data: Mapping[str, object]) -> None:
        assert data["provider"]
        self.told.append((level, error_code))

    def account(self, *, per_s: float = 1000, burst: int = 1000, url: str = "") -> Account:
        provider = SmsActivate(url or self.base_url, "demo", self.http, timeout_s=2)
        return Account(provider, "sms_activate", per_s=per_s, burst=burst, tell=self.tell)

    async def control(self, path: str, **body: object) -> Any:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{self.base_url}/sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def asked(self) -> int:
        async with httpx.AsyncClient() as http:
            return len((await http.get(f"{self.base_url}/sim/log")).json()["requests"])


@contextlib.asynccontextmanager
async def stage(**hooks: Any) -> AsyncIterator[Stage]:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=1e7, seed=1)
    with running(settings) as base_url:
        async with httpx.AsyncClient(event_hooks=hooks or {"request": [pace]}) as http:
            yield Stage(base_url, http)


@in_a_loop
async def test_a_strict_provider_never_refuses_a_paced_account() -> None:
    async with stage() as on:
        await on.control("limits", provider="sms_activate", per_s=10, block_s=10)
        account = on.account(per_s=8, burst=1)
        begun_s = asyncio.get_running_loop().time()
        await asyncio.gather(*(account.buy(str(number), "wa", "6", None) for number in range(20)))
        assert asyncio.get_running_loop().time() - begun_s >= 19 / 8 - 0.1
        assert account.calls == {("buy", "ok"): 20}


@in_a_loop
async def test_without_the_pace_the_same_calls_are_refused() -> None:
    """The control of the test above."""
    async with stage() as on:
        await on.control("limits", provider="sms_activate", per_s=10, block_s=10)
        account = on.account()
        calls = (account.buy(str(number), "wa", "6", None) for number in range(AT_ONCE))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert any(isinstance(result, Unavailable) and not isinstance(result, Held) for result in results)


@in_a_loop
async def test_each_request_of_a_call_takes_a_turn() -> None:
    """HeroSMS lists its orders in pages of a hundred."""
    async with stage() as on:
        provider = HeroSms(f"{on.base_url}/hero", "demo", on.http)
        fast = Account(provider, "herosms", per_s=1000, burst=1000)
        for number in range(101):
            await fast.buy(str(number), "wa", "6", None)
        account = Account(provider, "herosms", per_s=4, burst=1)
        begun_s = asyncio.get_running_loop().time()
        assert len(await account.active()) == 101
        assert account.requests == 2
        assert asyncio.get_running_loop().time() - begun_s >= 0.2


@in_a_loop
async def test_a_cancel_overtakes_waiting_looks_and_users_take_turns() -> None:
    async with stage() as on:
        ids = [(await on.account().buy(str(number), "wa", "6", None)).provider_order_id for number in range(3)]
        account = on.account(per_s=10, burst=1)
        order: list[str] = []

        async def look(user: str) -> None:
            with on_behalf_of(user):
                await account.check(ids[0])
            order.append(user)

        async def cancel() -> None:
            await account.cancel(ids[1])
            order.append("cancel")

        await account.check(ids[0])  # the burst is spent
        async with asyncio.TaskGroup() as tasks:
            for user in ("greedy", "greedy", "greedy", "modest"):
                tasks.create_task(look(user))
            await asyncio.sleep(0)
            tasks.create_task(cancel())
        assert order == ["cancel", "greedy", "modest", "greedy", "greedy"]


@in_a_loop
async def test_a_look_that_would_come_too_late_is_refused_at_once_with_its_time() -> None:
    async with stage() as on:
        account = on.account(per_s=0.01, burst=1)
        await account.balance()
        with pytest.raises(Held) as held:
            await account.check("1")
        assert held.value.retry_after_s
        assert held.value.retry_after_s > 90
        assert await on.asked() == 1


@in_a_loop
async def test_a_cancelled_wait_gives_its_place_back() -> None:
    async with stage() as on:
        account = on.account(per_s=5, burst=1)
        await account.balance()
        waiting = [asyncio.create_task(account.active()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        begun_s = asyncio.get_running_loop().time()
        await account.active()
        assert asyncio.get_running_loop().time() - begun_s < 0.5


@in_a_loop
async def test_after_a_limit_nothing_is_sent_until_the_provider_said_so_and_purchases_fail_at_once() -> None:
    async with stage() as on, answering("", status="429 Too Many Requests", header="Retry-After: 3") as url:
        account = on.account(url=url)
        with pytest.raises(Unavailable) as refused:
            await account.active()
        assert not isinstance(refused.value, Held)
        async with asyncio.timeout(0.5):
            with pytest.raises(Held) as held:
                await account.buy("1", "wa", "6", None)
        assert held.value.retry_after_s
        assert 2 < held.value.retry_after_s <= 3
        assert on.told == [("warning", "PROVIDER_LIMIT")]
        assert account.state is State.CLOSED


def banned(until: datetime) -> str:
    return f"BANNED:'{until:%Y-%m-%d %H-%M-%S}'"


@in_a_loop
async def test_a_ban_told_to_a_purchase_stops_purchases_and_leaves_looks() -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    async with stage() as on, answering(banned(until)) as url:
        account = on.account(url=url)
        for _ in range(2):
            with pytest.raises(AccountProblem) as problem:
                await account.buy("1", "wa", "6", None)
            assert problem.value.banned_until == until.replace(microsecond=0)
        assert account.requests == 1
        assert on.told == [("error", "PROVIDER_BAN")]
        with pytest.raises(AccountProblem):
            await account.check("1")  # is sent, and told so
        assert account.requests == 2


@in_a_loop
async def test_a_ban_told_to_a_look_stops_everything() -> None:
    async with stage() as on, answering(banned(datetime.now(UTC) + timedelta(minutes=5))) as url:
        account = on.account(url=url)
        with pytest.raises(AccountProblem):
            await account.active()
        with pytest.raises(Held) as held:
            await account.check("1")
        assert held.value.retry_after_s
        assert 290 < held.value.retry_after_s <= 300
        with pytest.raises(AccountProblem):
            await account.buy("1", "wa", "6", None)
        assert account.requests == 1


@in_a_loop
async def test_a_provider_that_does_not_answer_is_probed_once_and_then_used_again() -> None:
    async with stage() as on:
        account = on.account()
        bought = await account.buy("1", "wa", "6", None)
        await on.control("faults", action="*", fault="connection_reset", count=FAULTS_MAX)
        for _ in range(FAULTS_MAX):
            with pytest.raises(Unavailable):
                await account.check(bought.provider_order_id)
        assert account.state is State.OPEN
        sent = await on.asked()
        for _ in range(3):
            with pytest.raises(Held):
                await account.check(bought.provider_order_id)
        assert await on.asked() == sent
        await asyncio.sleep(PAUSE_S)  # the breaker's own time: nothing tells when it is over
        assert account.state is State.HALF_OPEN
        results = await asyncio.gather(
            *(account.check(bought.provider_order_id) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, Held) for result in results) == 4
        assert await on.asked() == sent + 2  # the probe and the look of whoever made it
        assert account.state is State.CLOSED
        await account.check(bought.provider_order_id)
        assert on.told == [("error", "PROVIDER_NOT_ANSWERING"), ("info", "PROVIDER_ANSWERS_AGAIN")]


class Slow(SmsActivate):
    """Well again, but slow to tell what is in the account."""

    async def balance(self) -> Decimal:
        funds = await super().balance()
        await asyncio.sleep(PROBED_S_MAX)
        return funds


@in_a_loop
async def test_a_purchase_that_had_to_wait_for_the_probe_is_not_sent() -> None:
    async with stage() as on:
        account = Account(Slow(on.base_url, "demo", on.http), "sms_activate", per_s=1000, burst=1000)
        await on.control("faults", action="*", fault="connection_reset", count=FAULTS_MAX)
        for _ in range(FAULTS_MAX):
            with pytest.raises(Unavailable):
                await account.active()
        await asyncio.sleep(PAUSE_S)
        with pytest.raises(Held):
            await account.buy("1", "wa", "6", None)
        assert account.calls["buy", "HELD"] == 1
        assert await account.active() == []  # nothing was bought
        assert account.state is State.CLOSED
        await account.buy("1", "wa", "6", None)


@in_a_loop
async def test_a_probe_without_an_answer_keeps_it_open_and_one_cut_off_lets_another_probe() -> None:
    async with stage() as on:
        account = on.account()
        await on.control("faults", action="*", fault="connection_reset", count=FAULTS_MAX + 1)
        for _ in range(FAULTS_MAX):
            with pytest.raises(Unavailable):
                await account.active()
        await asyncio.sleep(PAUSE_S)
        cut_off = asyncio.create_task(account.active())
        await asyncio.sleep(0)
        cut_off.cancel()
        await asyncio.wait({cut_off})
        assert account.state is State.HALF_OPEN
        with pytest.raises(Held) as held:
            await account.active()
        assert account.state is State.OPEN
        assert held.value.retry_after_s
        assert PAUSE_S < held.value.retry_after_s <= 2 * PAUSE_S


@in_a_loop
async def test_refusals_are_answers() -> None:
    async with stage() as on:
        account = on.account()
        for _ in range(2 * FAULTS_MAX):
            with pytest.raises(UnknownOrder):
                await account.check("404")
        assert account.state is State.CLOSED
        assert account.calls == {("check", "UNKNOWN_ORDER"): 2 * FAULTS_MAX}


def test_an_account_has_all_a_provider_has() -> None:
    methods = {name for name in vars(Provider) if not name.startswith("_")}
    assert methods
    assert all(name in vars(Account) for name in methods)
    assert all(hasattr(kind, name) for kind in (SmsActivate, HeroSms, FiveSim) for name in methods)
