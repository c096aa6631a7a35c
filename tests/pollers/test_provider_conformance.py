"""What every provider must do, run against the simulator over real HTTP. Rentals: `test_provider_rentals.py`."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest

from pollers.providers.contract import (
    AccountProblem,
    AlreadyDelivered,
    AlreadyEnded,
    Cancelled,
    Delivered,
    Ended,
    NoNumbers,
    NotOffered,
    OutcomeUnknown,
    PriceTooLow,
    ProviderError,
    Refused,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from tests.pollers.providers import LONG_S, NO_WAIT_S, PROVIDERS, Play, Rig, playing


@pytest.fixture(params=PROVIDERS)
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with playing(request.param) as play:
        yield play


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
        shows = rig.kind.shows_ended_sms
        assert await rig.provider.check(purchase.provider_order_id) == (seen if shows else Ended())
        refused = AlreadyDelivered() if shows else AlreadyEnded()
        assert await rig.provider.cancel(purchase.provider_order_id) == refused
        assert await rig.provider.balance() == funds - purchase.cost

    play(scenario)


def test_code_too_long_to_be_one_is_an_sms_all_the_same(play: Play) -> None:
    """Some providers put the whole text there; dropped, the order would look unserved and be refunded."""

    async def scenario(rig: Rig) -> None:
        long = "Your one-time password is 445566. " * 7
        for code, text in ((long, long), (long, "")):
            purchase = await rig.buy()
            await rig.control(f"activations/{purchase.provider_order_id}/sms", code=code, text=text)
            listed = (await rig.provider.check_many([purchase.provider_order_id]))[purchase.provider_order_id]
            for seen in (await rig.provider.check(purchase.provider_order_id), listed):
                assert isinstance(seen, Delivered)
                assert [(message.code, message.text.strip()) for message in seen.messages] == [("", long.strip())]

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


def test_many_orders_are_looked_at_together(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("settings", early_cancel_s=0)
        waiting, received, cancelled, unasked = [await rig.buy() for _ in range(4)]
        await rig.control(f"activations/{received.provider_order_id}/sms", code="1234", text="1234!")
        await rig.provider.cancel(cancelled.provider_order_id)
        ids = [order.provider_order_id for order in (waiting, received, cancelled)]
        results = await rig.provider.check_many([*ids, "1"])
        assert results[waiting.provider_order_id] == Waiting()
        seen = results[received.provider_order_id]
        assert isinstance(seen, Delivered)
        assert [(message.code, message.text) for message in seen.messages] == [("1234", "1234!")]
        assert results.keys() == {waiting.provider_order_id, received.provider_order_id}
        assert unasked.provider_order_id not in results
        assert await rig.provider.check_many([]) == {}

    play(scenario)


def test_another_sms_is_waited_for_and_comes(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        purchase = await rig.buy()
        id_ = purchase.provider_order_id
        if "request_another_sms" in rig.kind.not_offered:
            with pytest.raises(NotOffered):
                await rig.provider.request_another_sms(id_)
            return
        with pytest.raises(Refused):
            await rig.provider.request_another_sms(id_)
        await rig.control(f"activations/{id_}/sms", code="1111")
        for _ in range(2):
            await rig.provider.request_another_sms(id_)
            assert await rig.state(purchase) == ("received" if rig.kind.takes_sms_until_finished else "retry")
        assert await rig.provider.check(id_) != Ended()
        # Its first SMS is known still, so it is neither cancelled nor lost.
        assert await rig.provider.cancel(id_) == AlreadyDelivered()
        assert isinstance((await rig.provider.check_many([id_]))[id_], Delivered)

        await rig.control(f"activations/{id_}/sms", code="2222")
        seen = await rig.provider.check(id_)
        assert isinstance(seen, Delivered)
        assert seen.messages[-1].code == "2222"
        await rig.provider.finish(id_)
        with pytest.raises(Refused):
            await rig.provider.request_another_sms(id_)
        with pytest.raises(UnknownOrder):
            await rig.provider.request_another_sms("1")

    play(scenario)


def test_prices_are_those_of_purchases(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        kind = rig.kind
        [price] = [price for price in await rig.provider.prices(kind.service, kind.country) if price.count]
        assert (price.service, price.country) == (kind.service, kind.country)
        assert (await rig.buy()).cost == price.cost
        everything = await rig.provider.prices()
        assert {price.service for price in everything} > {kind.service}
        assert {price.country for price in everything} > {kind.country}
        assert not any(price.count for price in everything if price.service == "dry")
        of_service = await rig.provider.prices(service=kind.service)
        assert {price.service for price in of_service} == {kind.service}
        assert len({price.country for price in of_service}) > 1

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
            lambda: provider.check_many([purchase.provider_order_id]),
            provider.active,
            provider.prices,
            provider.balance,
        ]
        await rig.control("faults", action="*", fault=fault, count=100, delay_s=LONG_S)
        for call in calls:
            with pytest.raises(error):
                await call()
        await rig.http.delete(f"{rig.base_url}/sim/faults")
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


# --- what not every provider can


def test_order_id_buys_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        if not rig.kind.takes_order_id:
            return
        await rig.provider.buy("same", rig.kind.service, rig.kind.country, None)
        with pytest.raises(OutcomeUnknown) as raised:
            await rig.provider.buy("same", rig.kind.service, rig.kind.country, None)
        assert raised.value.error_code == "ALREADY_BOUGHT"
        assert len(await rig.provider.active()) == 1

    play(scenario)
