"""What only 5sim's adapter does, against the simulator over real HTTP: long histories, rentals, prices, its headers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pollers.providers.contract import (
    AccountProblem,
    ActiveRental,
    AlreadyEnded,
    Delivered,
    Ended,
    NoNumbers,
    OutcomeUnknown,
    PriceTooLow,
    Purchase,
    Refused,
    Rented,
    Unavailable,
    UnknownOrder,
    Waiting,
)
from pollers.providers.fivesim import FiveSim
from pollers.providers.fivesim.lists import pages_worth
from pollers.simulator import SimulatorSettings, running
from tests.pollers.support import answering

Scenario = Callable[["Rig"], Awaitable[None]]


class Rig:
    """The adapter, and the simulator's controls."""

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self.base_url, self.http = base_url, http
        self.five = FiveSim(base_url, "demo", http, timeout_s=30)

    async def buy(self, product: str = "whatsapp", max_price: str | None = None) -> Purchase:
        return await self.five.buy("ours", product, "indonesia", Decimal(max_price) if max_price else None)

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def asked(self, action: str) -> int:
        log = (await self.http.get(f"{self.base_url}/sim/log")).json()["requests"]
        return sum(request["action"] == action for request in log)


@pytest.fixture
def play() -> Iterator[Callable[[Scenario], None]]:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=900, seed=1)
    with running(settings) as base_url:

        async def main(scenario: Scenario) -> None:
            async with httpx.AsyncClient() as http:
                await scenario(Rig(base_url, http))

        yield lambda scenario: asyncio.run(main(scenario))


Play = Callable[[Scenario], None]


def test_orders_on_many_pages_are_all_listed(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bought = {(await rig.buy()).provider_order_id for _ in range(230)}
        assert {order.provider_order_id for order in await rig.five.active()} == bought
        assert await rig.asked("orders") == 3

    play(scenario)


def test_history_behind_the_open_orders_is_left_unread(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(210):
            await rig.buy()
        await rig.control("time", forward_s=4 * 3600)
        young = await rig.buy()
        [order] = await rig.five.active()
        assert (order.provider_order_id, order.country) == (young.provider_order_id, "indonesia")
        assert await rig.asked("orders") == 2  # the page with the young one, and one that is past altogether

    play(scenario)


def test_history_before_a_purchase_is_left_unread_by_who_looks_for_its_number(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(310):
            await rig.buy()
        await rig.control("time", forward_s=18 * 60)
        young = await rig.buy()
        begun_at = (await rig.five.active())[0].started_at
        assert await rig.asked("orders") == 4
        listed = await rig.five.active(begun_at)
        assert young.provider_order_id in {order.provider_order_id for order in listed}
        assert await rig.asked("orders") == 4 + 2  # the page with the young one, and one that is past altogether

    play(scenario)


def test_thousands_of_orders_are_looked_at_as_far_as_it_is_cheaper_than_one_by_one() -> None:
    assert [pages_worth(wanted) for wanted in (1, 250, 1_000, 10_000, 10**6)] == [10, 10, 40, 400, 1_000]


def test_many_orders_are_looked_at_in_one_request(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        waiting, received, ended, finished = [await rig.buy() for _ in range(4)]
        for purchase in (received, finished):
            await rig.control(f"activations/{purchase.provider_order_id}/sms", code="1234", text="It is 1234")
        await rig.five.cancel(ended.provider_order_id)
        await rig.five.finish(finished.provider_order_id)
        ids = [purchase.provider_order_id for purchase in (waiting, received, ended, finished)]
        seen = await rig.five.check_many([*ids, "1"])
        assert seen.keys() == {ids[0], ids[1], ids[3]}
        assert seen[ids[0]] == Waiting()
        assert all(isinstance(seen[id_], Delivered) for id_ in (ids[1], ids[3]))
        assert await rig.asked("orders") == 1
        assert await rig.five.check_many([]) == {}
        assert await rig.asked("orders") == 1

    play(scenario)


def test_open_order_with_an_sms_waits_for_another_by_itself(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        purchase = await rig.buy()
        id_ = purchase.provider_order_id
        with pytest.raises(Refused, match="expected an open order with an SMS"):
            await rig.five.request_another_sms(id_)
        for code in ("1111", "2222"):
            await rig.control(f"activations/{id_}/sms", code=code)
            await rig.five.request_another_sms(id_)
        seen = await rig.five.check(id_)
        assert isinstance(seen, Delivered)
        assert [message.code for message in seen.messages] == ["1111", "2222"]
        await rig.five.finish(id_)
        with pytest.raises(Refused):
            await rig.five.request_another_sms(id_)
        with pytest.raises(UnknownOrder):
            await rig.five.request_another_sms("1")

    play(scenario)


def test_expired_order_is_over_and_not_an_error(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        purchase = await rig.buy()
        await rig.control("time", forward_s=901)
        assert await rig.five.check(purchase.provider_order_id) == Ended()
        assert await rig.five.cancel(purchase.provider_order_id) == AlreadyEnded()
        await rig.five.finish(purchase.provider_order_id)

    play(scenario)


def test_too_low_a_price_is_told_from_sold_out(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(PriceTooLow) as too_low:
            await rig.buy(max_price="0.51")
        assert too_low.value.minimum == Decimal("0.52")
        with pytest.raises(NoNumbers):
            await rig.buy("dry", max_price="0.01")
        await rig.control("faults", action="prices", fault="http_500")
        with pytest.raises(NoNumbers):
            await rig.buy(max_price="0.51")
        await rig.control("routes", provider="fivesim", stock=0)
        with pytest.raises(NoNumbers):
            await rig.buy(max_price="0.51")

    play(scenario)


def test_rental_takes_every_service_and_shows_its_sms_after_its_end(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        funds = await rig.five.balance()
        rental = await rig.five.rent("ours", "whatsapp", "indonesia", 24, None)
        id_ = rental.provider_order_id
        assert rental.cost is not None
        assert rental.expires_at is not None
        assert await rig.five.balance() == funds - rental.cost
        expected = ActiveRental(id_, rental.phone, None, "indonesia", rental.expires_at)
        assert await rig.five.active_rentals() == [expected]
        assert await rig.five.active() == []
        assert await rig.five.rental_messages(id_) == Rented((), rental.expires_at)
        await rig.control(f"rentals/{id_}/sms", code="99", text="It is 99")
        result = await rig.five.rental_messages(id_)
        assert isinstance(result, Rented)
        assert [message.text for message in result.messages] == ["It is 99"]

        await rig.control("time", forward_s=86_401)
        assert await rig.five.active_rentals() == []
        assert await rig.five.rental_messages(id_) == result  # its end is past, its SMS are not lost
        with pytest.raises(UnknownOrder):
            await rig.five.rental_messages("1")

    play(scenario)


def test_rental_is_refused_before_it_costs_anything(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(Refused, match="got 5"):
            await rig.five.rent("ours", "whatsapp", "indonesia", 5, None)
        with pytest.raises(PriceTooLow) as too_low:
            await rig.five.rent("ours", "whatsapp", "indonesia", 3, Decimal("0.01"))
        assert await rig.five.active_rentals() == []
        rental = await rig.five.rent("ours", "whatsapp", "indonesia", 3, too_low.value.minimum)
        assert rental.cost == too_low.value.minimum

    play(scenario)


def test_prices_tell_the_success_of_each_route(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("routes", provider="fivesim", service="wa", country=6, success=0.4, price="0.99", stock=7)
        [price] = await rig.five.prices("whatsapp", "indonesia")
        assert (price.service, price.country, price.cost) == ("whatsapp", "indonesia", Decimal("0.99"))
        assert (price.count, price.success) == (7, pytest.approx(0.4))
        by_product, by_country = await rig.five.prices("whatsapp"), await rig.five.prices(None, "indonesia")
        assert price in by_product
        assert price in by_country
        assert {found.service for found in by_product} == {"whatsapp"}
        assert {found.country for found in by_country} == {"indonesia"}
        assert len(await rig.five.prices()) == len(by_product) * len(by_country)

    play(scenario)


@pytest.mark.parametrize(("service", "country"), [("..", "indonesia"), ("whatsapp", ".."), ("", "indonesia")])
def test_name_that_would_change_the_path_is_refused(play: Play, service: str, country: str) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(Refused):
            await rig.five.buy("ours", service, country, None)
        with pytest.raises(Refused):
            await rig.five.buy("ours", "a/../b?x=1#y", "indonesia", None)  # one odd name, and no path of it
        assert await rig.asked("buy") == 1

    play(scenario)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("403 Forbidden", "error code: 1010", AccountProblem),
        ("401 Unauthorized", "", AccountProblem),
        ("503 Service Unavailable", "ip address limit is 100 requests per second", Unavailable),
        ("503 Service Unavailable", "upstream connect error", OutcomeUnknown),
        ("302 Found", "", OutcomeUnknown),
    ],
)
def test_gatekeepers_answers_have_a_meaning(status: str, body: str, error: type[Exception]) -> None:
    async def main() -> None:
        async with answering(body, status=status, header="Location: /404.html") as url, httpx.AsyncClient() as http:
            with pytest.raises(error) as raised:
                await FiveSim(url, "demo", http).buy("ours", "whatsapp", "indonesia", None)
            assert type(raised.value) is error

    asyncio.run(main())


def test_gatekeeper_knows_us_from_a_library(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.http.get(f"{rig.base_url}/v1/guest/countries")).status_code == 403
        assert await rig.five.prices("whatsapp", "indonesia")

    play(scenario)


def test_history_without_an_end_is_an_error_and_not_a_short_list() -> None:
    row = (
        '{"id":1,"phone":"+79000381454","product":"x","country":"y","status":"PENDING",'
        '"created_at":"2026-01-01T00:00:00Z","sms":[]}'
    )

    async def main() -> None:
        body = f'{{"Data":[{row}],"Total":1000000}}'
        async with answering(body) as url, httpx.AsyncClient() as http:
            with pytest.raises(Exception, match="expected at most 1000 pages"):
                await FiveSim(url, "demo", http).active()

    asyncio.run(main())


def test_requests_name_us_and_carry_the_key_in_no_url() -> None:
    async def main() -> None:
        heads: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, httpx.AsyncClient() as http:
            five = FiveSim(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "s3cret", http)
            with pytest.raises(AccountProblem):
                await five.buy("ours", "what's app", "indonesia", Decimal("0.50"))
        [head] = heads
        line, *headers = head.split("\r\n")
        assert line == "GET /v1/user/buy/activation/indonesia/any/what%27s%20app?maxPrice=0.50 HTTP/1.1"
        assert {"User-Agent: OneSMS/1.0", "Authorization: Bearer s3cret", "Accept: application/json"} <= set(headers)

    asyncio.run(main())
