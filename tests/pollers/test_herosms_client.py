"""What only HeroSMS's client does: read a list in pages though it moves, wait out a block, look twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import ClassVar

import httpx
import pytest

from pollers.providers.contract import (
    ActiveOrder,
    Cancelled,
    Delivered,
    Ended,
    Message,
    Unavailable,
    UnknownAnswer,
    Waiting,
)
from pollers.providers.herosms import HeroSms
from pollers.providers.herosms.client import PAGES_MAX
from pollers.providers.herosms.protocol import PAGE_ROWS, ActivePage
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
    """Orders end while the list is read: some of those given after each request for a page."""

    ending: list[str]
    at_once = 1

    async def _page(self, start: int) -> ActivePage:
        page = await super()._page(start)
        for _ in range(min(self.at_once, len(self.ending))):
            assert await self.cancel(self.ending.pop()) == Cancelled()
        return page


class Elsewhere(HeroSms):
    """A list that is another one whenever it is looked at."""

    pages = 0

    async def _page(self, start: int) -> ActivePage:
        self.pages += 1
        ids = (f"{self.pages}-{row}" for row in range(start, start + PAGE_ROWS))
        return ActivePage(tuple(ActiveOrder(id_, "79000381454", "wa", "6") for id_ in ids), 10_000)


def test_long_list_is_read_whole(base_url: str) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        ids = await buy(provider, 210)
        assert [order.provider_order_id for order in await provider.active()] == ids
        assert (await requests(http)).count("getActiveActivations") == 3
        assert await provider.check_many([ids[0], ids[150]]) == {ids[0]: Waiting(), ids[150]: Waiting()}

    play(base_url, scenario)


@pytest.mark.parametrize(("at_once", "pages"), [(1, 4), (30, 4)])
def test_list_that_moves_is_read_on_from_where_it_went(base_url: str, at_once: int, pages: int) -> None:
    async def scenario(http: httpx.AsyncClient, provider: HeroSms) -> None:
        ids = await buy(provider, 210)
        moving = Moving(f"{base_url}/hero", KEY, http)
        moving.ending, moving.at_once = ids[:30], at_once
        found = {order.provider_order_id for order in await moving.active()}
        assert found >= set(ids[30:])
        assert (await requests(http)).count("getActiveActivations") == pages

    play(base_url, scenario)


def test_list_that_is_another_each_time_is_no_list_but_tells_of_orders_it_shows() -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as http:
            with pytest.raises(Unavailable):
                await Elsewhere("http://127.0.0.1:9", KEY, http).active()
            elsewhere = Elsewhere("http://127.0.0.1:9", KEY, http)
            assert await elsewhere.check_many(["1-7", "no such"]) == {"1-7": Waiting()}
            assert elsewhere.pages == PAGES_MAX

    asyncio.run(main())


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


# --- getStatusV2 and getStatus


class Impatient(HeroSms):
    """Tries getStatusV2 again at once."""

    V2_AGAIN_S: ClassVar[float] = 0.0


async def looks(answers: dict[str, list[str]], kind: type[HeroSms] = HeroSms) -> list[object]:
    """What an order looks like, look after look, to who gets these answers by their actions, the last for ever."""
    seen: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        said = answers["getStatusV2" if b"action=getStatusV2" in head else "getStatus"]
        content = (said.pop(0) if len(said) > 1 else said[0]).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, httpx.AsyncClient() as http:
        provider = kind(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", KEY, http)
        for _ in range(3):
            try:
                seen.append(await provider.check("1"))
            except UnknownAnswer:
                seen.append(UnknownAnswer)
    return seen


NEW = '{"verificationType":"sms","data":{"code":"22","text":"It is 22"}}'
TOLD = Delivered((Message("22", "It is 22"),))


@pytest.mark.parametrize("garbled", ["<html>We will be back soon</html>", '{"verificationType":"sms","da', "", "?"])
def test_garbled_status_is_no_word_of_an_old_sms(garbled: str) -> None:
    """An order that waits for another SMS: getStatus tells the code of the first one, which is not the one awaited."""
    answers = {"getStatusV2": [garbled, '{"verificationType":"sms"}', NEW], "getStatus": ["STATUS_WAIT_RETRY:11"]}
    assert asyncio.run(looks(answers)) == [UnknownAnswer, Waiting(), TOLD]


def test_waiting_in_an_unknown_form_is_looked_at_once_more() -> None:
    answers = {"getStatusV2": ["{}", "[]", NEW], "getStatus": ["STATUS_OK:22", "STATUS_CANCEL"]}
    assert asyncio.run(looks(answers)) == [Delivered((Message("22", ""),)), Ended(), TOLD]
    for odd in ('{"title":"SOMETHING_NEW"}', "[1]"):
        assert asyncio.run(looks({"getStatusV2": [odd], "getStatus": ["STATUS_WAIT_CODE"]})) == [UnknownAnswer] * 3


@pytest.mark.parametrize(("kind", "second"), [(Impatient, TOLD), (HeroSms, Delivered((Message("22", ""),)))])
def test_action_called_unknown_once_is_tried_again_after_a_while(kind: type[HeroSms], second: Delivered) -> None:
    answers = {"getStatusV2": ["BAD_ACTION", NEW], "getStatus": ["STATUS_OK:22"]}
    assert asyncio.run(looks(answers, kind)) == [Delivered((Message("22", ""),)), second, second]
