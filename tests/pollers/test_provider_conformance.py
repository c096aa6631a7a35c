"""What every provider must do, run against the simulator over real HTTP. A new provider is one line in PROVIDERS."""

import asyncio
import contextlib
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pollers.providers.contract import (
    AccountProblem,
    AlreadyDelivered,
    AlreadyEnded,
    Cancelled,
    Delivered,
    Ended,
    NoNumbers,
    OutcomeUnknown,
    PriceTooLow,
    Provider,
    ProviderError,
    Purchase,
    Refused,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.sms_activate import SmsActivate
from pollers.simulator import SimulatorSettings, running

KEY = "demo"
NO_WAIT_S = 0.4  # for answers that are not to come
LONG_S = 60.0


@dataclass(frozen=True)
class Kind:
    """How to make a provider (base URL, key, client, timeout in seconds), and its codes for a service and a country."""

    make: Callable[[str, str, httpx.AsyncClient, float], Provider]
    service: str
    country: str


PROVIDERS = [
    pytest.param(
        Kind(lambda url, key, http, s: SmsActivate(url, key, http, timeout_s=s), "wa", "6"), id="sms_activate"
    ),
]


@dataclass(frozen=True)
class Rig:
    """A provider connected to the simulator, with hands on both ends."""

    kind: Kind
    base_url: str
    http: httpx.AsyncClient
    provider: Provider

    def another(self, *, key: str = KEY, timeout_s: float = LONG_S, base_url: str | None = None) -> Provider:
        return self.kind.make(base_url or self.base_url, key, self.http, timeout_s)

    async def buy(self, service: str | None = None, *, max_price: Decimal | None = None) -> Purchase:
        order_id = str(uuid.uuid4())
        return await self.provider.buy(order_id, service or self.kind.service, self.kind.country, max_price)

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def upstream(self) -> list[dict[str, Any]]:
        activations = (await self.http.get(f"{self.base_url}/sim/activations")).json()["activations"]
        assert isinstance(activations, list)
        return activations

    async def state(self, purchase: Purchase) -> str:
        [state] = [row["state"] for row in await self.upstream() if str(row["id"]) == purchase.provider_order_id]
        return str(state)


Scenario = Callable[[Rig], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture(params=PROVIDERS)
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Run a scenario with a provider on a simulator of its own, where no SMS comes by itself."""
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=1e3, lifetime_s=1e7, seed=1)
    with running(settings) as base_url:

        @contextlib.asynccontextmanager
        async def rig() -> AsyncIterator[Rig]:
            async with httpx.AsyncClient() as http:
                yield Rig(request.param, base_url, http, request.param.make(base_url, KEY, http, LONG_S))

        async def main(scenario: Scenario) -> None:
            async with rig() as ready:
                await scenario(ready)

        yield lambda scenario: asyncio.run(main(scenario))


def test_number_is_bought_waits_receives_and_is_finished(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        funds = await rig.provider.balance()
        purchase = await rig.buy()
        assert purchase.phone.startswith("62")
        assert purchase.cost is not None
        assert await rig.provider.balance() == funds - purchase.cost
        assert await rig.provider.check(purchase.provider_order_id) == Waiting()

        await rig.control(f"activations/{purchase.provider_order_id}/sms", code="424242", text="Code 424242")
        seen = await rig.provider.check(purchase.provider_order_id)
        assert isinstance(seen, Delivered)
        assert [(message.code, message.text) for message in seen.messages] == [("424242", "Code 424242")]

        await rig.provider.finish(purchase.provider_order_id)
        assert await rig.state(purchase) == "completed"
        await rig.provider.finish(purchase.provider_order_id)
        assert await rig.provider.check(purchase.provider_order_id) == Ended()
        assert await rig.provider.cancel(purchase.provider_order_id) == AlreadyEnded()
        assert await rig.provider.balance() == funds - purchase.cost

    play(scenario)


def test_cancel_is_refused_early_then_confirmed_then_over(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        funds = await rig.provider.balance()
        purchase = await rig.buy()
        assert isinstance(await rig.provider.cancel(purchase.provider_order_id), TooEarly)
        assert await rig.state(purchase) == "waiting"

        await rig.control("settings", early_cancel_s=0)
        assert await rig.provider.cancel(purchase.provider_order_id) == Cancelled()
        assert await rig.provider.balance() == funds
        assert await rig.provider.cancel(purchase.provider_order_id) == AlreadyEnded()
        assert await rig.provider.check(purchase.provider_order_id) == Ended()
        await rig.provider.finish(purchase.provider_order_id)

    play(scenario)


def test_number_with_an_sms_is_not_cancelled(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("settings", early_cancel_s=0)
        purchase = await rig.buy()
        await rig.control(f"activations/{purchase.provider_order_id}/sms")
        assert await rig.provider.cancel(purchase.provider_order_id) == AlreadyDelivered()
        assert await rig.state(purchase) == "received"

    play(scenario)


def test_waiting_number_cannot_be_finished(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        purchase = await rig.buy()
        with pytest.raises(Refused):
            await rig.provider.finish(purchase.provider_order_id)
        assert await rig.state(purchase) == "waiting"

    play(scenario)


def test_active_orders_are_those_still_open(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        assert await rig.provider.active() == []
        await rig.control("settings", early_cancel_s=0)
        waiting, received, cancelled = [await rig.buy() for _ in range(3)]
        await rig.control(f"activations/{received.provider_order_id}/sms", code="1234", text="1234!")
        await rig.provider.cancel(cancelled.provider_order_id)

        orders = {order.provider_order_id: order for order in await rig.provider.active()}
        assert orders.keys() == {waiting.provider_order_id, received.provider_order_id}
        order = orders[waiting.provider_order_id]
        assert (order.phone, order.service, order.country) == (waiting.phone, rig.kind.service, rig.kind.country)
        assert order.started_at is not None
        assert order.messages == ()
        assert [message.code for message in orders[received.provider_order_id].messages] == ["1234"]

    play(scenario)


def test_refused_purchase_buys_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NoNumbers):
            await rig.buy("dry")
        with pytest.raises(Refused):
            await rig.buy("no such service")
        with pytest.raises(PriceTooLow) as too_low:
            await rig.buy(max_price=Decimal("0.01"))
        with pytest.raises(AccountProblem):
            await rig.another(key="wrong").buy("1", rig.kind.service, rig.kind.country, None)
        with pytest.raises(AccountProblem):
            await rig.another(key="wrong").balance()
        await rig.control("settings", balance="0.00")
        with pytest.raises(AccountProblem):
            await rig.buy()
        assert await rig.upstream() == []

        await rig.control("settings", balance="5.00")
        assert (await rig.buy(max_price=too_low.value.minimum)).cost == too_low.value.minimum

    play(scenario)


def test_unknown_order_is_named_so(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(UnknownOrder):
            await rig.provider.check("1")
        with pytest.raises(UnknownOrder):
            await rig.provider.cancel("1")
        await rig.provider.finish("1")

    play(scenario)


@pytest.mark.parametrize("fault", ["drop_answer", "garbage", "slow"])
def test_purchase_without_a_readable_answer_is_unknown_and_found_in_the_list(play: Play, fault: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("faults", action="*", fault=fault, delay_s=LONG_S)
        buyer = rig.another(timeout_s=NO_WAIT_S if fault == "slow" else LONG_S)
        with pytest.raises(OutcomeUnknown):
            await buyer.buy("lost", rig.kind.service, rig.kind.country, None)

        [orphan] = await rig.provider.active()
        [upstream] = await rig.upstream()
        assert orphan.provider_order_id == str(upstream["id"])
        assert orphan.phone == upstream["phone"]
        assert await rig.provider.check(orphan.provider_order_id) == Waiting()

    play(scenario)


@pytest.mark.parametrize("fault", ["connection_reset", "http_500", "html"])
def test_purchase_that_failed_unclearly_is_unknown_even_if_nothing_was_bought(play: Play, fault: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("faults", action="*", fault=fault)
        with pytest.raises(OutcomeUnknown):
            await rig.buy()
        assert await rig.provider.active() == []

    play(scenario)


def test_rate_limited_purchase_was_surely_not_made(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("faults", action="*", fault="rate_limit")
        with pytest.raises(Unavailable) as limited:
            await rig.buy()
        assert limited.value.retry_after_s == 1
        assert await rig.upstream() == []

    play(scenario)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop_answer", Unavailable),
        ("slow", Unavailable),
        ("connection_reset", Unavailable),
        ("http_500", Unavailable),
        ("rate_limit", Unavailable),
        ("html", UnknownAnswer),
        ("garbage", UnknownAnswer),
    ],
)
def test_harmless_calls_never_end_in_doubt(play: Play, fault: str, error: type[ProviderError]) -> None:
    async def scenario(rig: Rig) -> None:
        purchase = await rig.buy()
        provider = rig.another(timeout_s=NO_WAIT_S if fault == "slow" else LONG_S)
        calls: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            lambda: provider.check(purchase.provider_order_id),
            lambda: provider.cancel(purchase.provider_order_id),
            lambda: provider.finish(purchase.provider_order_id),
            provider.active,
            provider.balance,
        ]
        await rig.control("faults", action="*", fault=fault, count=len(calls), delay_s=LONG_S)
        for call in calls:
            with pytest.raises(error):
                await call()
        assert await rig.provider.check(purchase.provider_order_id) == Waiting()

    play(scenario)


def test_cancel_whose_answer_was_lost_can_be_asked_again(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("settings", early_cancel_s=0)
        purchase = await rig.buy()
        await rig.control("faults", action="*", fault="drop_answer")
        with pytest.raises(Unavailable):
            await rig.provider.cancel(purchase.provider_order_id)
        assert await rig.provider.cancel(purchase.provider_order_id) == AlreadyEnded()

    play(scenario)


def test_refused_connection_is_no_doubt(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with socket.socket() as listener:  # bound, not listening: the port is ours and refuses
            listener.bind(("127.0.0.1", 0))
            nobody = rig.another(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
            with pytest.raises(Unavailable):
                await nobody.buy("1", rig.kind.service, rig.kind.country, None)

    play(scenario)


def test_endless_answer_is_cut(play: Play) -> None:
    """A server that never stops talking costs a bounded amount of memory, and a purchase stays in doubt."""

    async def scenario(rig: Rig) -> None:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            endless = rig.another(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            with pytest.raises(OutcomeUnknown):
                await endless.buy("1", rig.kind.service, rig.kind.country, None)
            with pytest.raises(Unavailable):
                await endless.active()

    play(scenario)


def test_key_reaches_no_log_and_no_error(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(rig: Rig) -> None:
        provider = rig.another(key="very-secret-key", timeout_s=NO_WAIT_S)
        for fault in ("slow", "drop_answer", "html", "http_500"):
            await rig.control("faults", action="*", fault=fault, delay_s=LONG_S)
            with pytest.raises(ProviderError) as raised:
                await provider.buy("1", rig.kind.service, rig.kind.country, None)
            assert "very-secret-key" not in repr(raised.value) + raised.value.raw
            assert raised.value.__cause__ is None

    play(scenario)
    assert "very-secret-key" not in caplog.text


# --- the SMS-Activate protocol's own


def test_order_id_buys_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.provider.buy("same", rig.kind.service, rig.kind.country, None)
        with pytest.raises(OutcomeUnknown) as raised:
            await rig.provider.buy("same", rig.kind.service, rig.kind.country, None)
        assert raised.value.error_code == "ALREADY_BOUGHT"
        assert len(await rig.provider.active()) == 1

    play(scenario)
