"""What only HeroSMS's client does: read a list in pages though it moves, wait out a block, look twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from pollers.providers.contract import Cancelled, Ended, Unavailable, Waiting
from pollers.providers.herosms import HeroSms
from pollers.providers.herosms.client import READINGS_MAX
from pollers.providers.herosms.protocol import ActivePage
from pollers.simulator import SimulatorSettings, running

KEY = "demo"


@pytest.fixture
def base_url() -> Iterator[str]:
    with running(SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=1e7, seed=1)) as base_url:
        yield base_url


def play(base_url: str, scenario: Callable[[httpx.AsyncClient, HeroSms], Awaitable[None]]) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=base_url) as http:
            await scenario(http, HeroSms(f"{base_url}/hero", KEY, http))

    asyncio.run(main())


async def buy(provider: HeroSms, count: int) -> list[str]:
    return [(await provider.buy("", "none", "6", None)).provider_order_id for _ in range(count)]


async def requests(http: httpx.AsyncClient) -> list[str]:
    return [row["action"] for row in (await http.get("/sim/log")).json()["requests"]]


async def ask_often(provider: HeroSms) -> None:
    for _ in range(100):
        await provider.balance()


class Moving(HeroSms):
    """Orders end while the list is read: one of those given after each request for a page."""

    ending: list[str]

    async def _page(self, start: int) -> ActivePage:
        page = await super()._page(start)
        if self.ending:
            assert await self.cancel(self.ending.pop()) == Cancelled()
        return page


def test_long_list_is_read_whole(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        ids = await buy(provider, 210)
        assert [order.provider_order_id for order in await provider.active()] == ids
        assert (await requests(http)).count("getActiveActivations") == 3
        assert await provider.check_many([ids[0], ids[150]]) == {ids[0]: Waiting(), ids[150]: Waiting()}

    play(base_url, scenario)


def test_list_that_moves_is_read_again(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        ids = await buy(provider, 130)
        moving = Moving(f"{base_url}/hero", KEY, http)
        moving.ending = [ids[5]]
        found = [order.provider_order_id for order in await moving.active()]
        assert found == [id_ for id_ in ids if id_ != ids[5]]

    play(base_url, scenario)


def test_list_that_never_rests_is_no_list(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        ids = await buy(provider, 130)
        moving = Moving(f"{base_url}/hero", KEY, http)
        moving.ending = ids[: 2 * READINGS_MAX]
        with pytest.raises(Unavailable):
            await moving.active()
        assert (await requests(http)).count("getActiveActivations") == 2 * READINGS_MAX

    play(base_url, scenario)


def test_block_without_a_figure_lasts_as_documented(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        limit = {"provider": "herosms", "per_s": 1, "block_s": 60}
        assert (await http.post("/sim/limits", json=limit)).status_code == 200
        with pytest.raises(Unavailable) as blocked:
            await ask_often(provider)
        assert (blocked.value.reason, blocked.value.retry_after_s) == ("RATE_LIMIT", 10)
        with pytest.raises(Unavailable) as unbought:
            await buy(provider, 1)
        assert unbought.value.retry_after_s == 10

    play(base_url, scenario)


def test_status_in_an_unknown_form_is_looked_at_once_more(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        [id_] = await buy(provider, 1)
        await http.post("/sim/faults", json={"action": "getStatusV2", "fault": "garbage", "count": 2})
        assert await provider.check(id_) == Waiting()
        await provider.cancel(id_)
        assert await provider.check(id_) == Ended()

    play(base_url, scenario)
