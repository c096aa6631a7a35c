"""What every provider must do with rentals, as far as it offers them: run against the simulator over real HTTP."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pollers.providers.contract import (
    AccountProblem,
    AlreadyEnded,
    Cancelled,
    Ended,
    NoNumbers,
    NotOffered,
    OutcomeUnknown,
    PriceTooLow,
    ProviderError,
    Purchase,
    Refused,
    Rented,
    TooLate,
    Unavailable,
    UnknownOrder,
)
from tests.pollers.providers import LONG_S, NO_WAIT_S, PROVIDERS, Play, Rig, playing

HOURS = 24
Call = Callable[[], Awaitable[Any]]


@pytest.fixture(params=PROVIDERS)
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with playing(request.param) as play:
        yield play


async def rent(rig: Rig, service: str | None = None, *, max_price: Decimal | None = None) -> Purchase:
    kind = rig.kind
    return await rig.provider.rent(str(uuid.uuid4()), service or kind.service, kind.country, HOURS, max_price)


async def rentals(rig: Rig) -> list[dict[str, Any]]:
    rows = (await rig.http.get(f"{rig.base_url}/sim/rentals")).json()["rentals"]
    assert isinstance(rows, list)
    return rows


async def offers(rig: Rig, method: str, call: Call) -> bool:
    """Whether the provider offers this; if not, that it says so."""
    if method not in rig.kind.not_offered:
        return True
    with pytest.raises(NotOffered):
        await call()
    return False


def test_rental_takes_any_number_of_sms(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        funds = await rig.provider.balance()
        rental = await rent(rig)
        assert rental.phone.startswith("62")
        assert rental.expires_at is not None
        assert abs(rental.expires_at - datetime.now(UTC) - timedelta(hours=HOURS)) < timedelta(minutes=5)
        [upstream] = await rentals(rig)
        assert funds - await rig.provider.balance() == Decimal(upstream["price"])

        empty = await rig.provider.rental_messages(rental.provider_order_id)
        assert isinstance(empty, Rented)
        assert empty.messages == ()
        texts = [f"Code {number}" for number in range(125)]
        for text in texts:
            await rig.control(f"rentals/{rental.provider_order_id}/sms", text=text)
        read = await rig.provider.rental_messages(rental.provider_order_id)
        assert isinstance(read, Rented)
        assert [message.text for message in read.messages] == texts
        assert all(message.received_at for message in read.messages)

    play(scenario)


def test_rental_is_returned_in_time_and_not_after(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        funds = await rig.provider.balance()
        first = await rent(rig)
        id_ = first.provider_order_id
        if not await offers(rig, "cancel_rental", lambda: rig.provider.cancel_rental(id_)):
            return
        assert await rig.provider.cancel_rental(id_) == Cancelled()
        assert await rig.provider.balance() == funds
        assert await rig.provider.cancel_rental(id_) == AlreadyEnded()
        assert await rig.provider.rental_messages(id_) == Ended()

        await rig.control("settings", rental_cancel_s=0)
        second = await rent(rig)
        late = await rig.provider.cancel_rental(second.provider_order_id)
        assert late == TooLate()
        with pytest.raises(UnknownOrder):
            await rig.provider.cancel_rental("1")

    play(scenario)


def test_rental_is_ended_before_its_time(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        rental = await rent(rig)
        id_ = rental.provider_order_id
        if not await offers(rig, "finish_rental", lambda: rig.provider.finish_rental(id_)):
            return
        await rig.control(f"rentals/{id_}/sms")
        paid = await rig.provider.balance()
        for _ in range(2):
            await rig.provider.finish_rental(id_)
        await rig.provider.finish_rental("1")
        [upstream] = await rentals(rig)
        assert upstream["state"] == "finished"
        assert await rig.provider.balance() == paid

    play(scenario)


def test_rental_is_extended_at_a_price(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        rental = await rent(rig)
        id_ = rental.provider_order_id
        if not await offers(rig, "extend", lambda: rig.provider.extend(id_, HOURS)):
            return
        before = await rig.provider.balance()
        assert rental.expires_at is not None
        said = await rig.provider.extension_cost(id_, HOURS)
        extended = await rig.provider.extend(id_, HOURS)
        assert extended.ends_at == rental.expires_at + timedelta(hours=HOURS)
        paid = before - await rig.provider.balance()
        assert paid > 0
        # What it cost is told before, or afterwards with all that the rental has cost.
        assert said == paid or (rental.cost and extended.total_cost == rental.cost + paid)
        with pytest.raises(Refused):
            await rig.provider.extend(id_, 1)
        with pytest.raises(Refused):
            await rig.provider.extend(id_, 1_344)
        with pytest.raises(UnknownOrder):
            await rig.provider.extend("1", HOURS)
        await rig.control("settings", balance="0.00")
        with pytest.raises(AccountProblem):
            await rig.provider.extend(id_, HOURS)

    play(scenario)


def test_what_a_rental_would_cost_is_what_it_costs(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        codes = (rig.kind.service, rig.kind.country)
        if not await offers(rig, "rental_cost", lambda: rig.provider.rental_cost(*codes, HOURS)):
            return
        said, before = await rig.provider.rental_cost(*codes, HOURS), await rig.provider.balance()
        await rent(rig)
        assert said in (None, before - await rig.provider.balance())

    play(scenario)


def test_active_rentals_are_those_still_open(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        if not await offers(rig, "active_rentals", rig.provider.active_rentals):
            return
        assert await rig.provider.active_rentals() == []
        open_ = await rent(rig)
        if "cancel_rental" not in rig.kind.not_offered:
            await rig.provider.cancel_rental((await rent(rig)).provider_order_id)
        [listed] = await rig.provider.active_rentals()
        assert (listed.provider_order_id, listed.phone) == (open_.provider_order_id, open_.phone)
        assert listed.service in {None, rig.kind.service}
        assert listed.ends_at in {None, open_.expires_at}

    play(scenario)


def test_refused_rent_rents_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        if rig.kind.rents_by_service:
            with pytest.raises((Refused, NoNumbers)):
                await rent(rig, "no such service")
            with pytest.raises(NoNumbers):
                await rent(rig, "dry")
        with pytest.raises(UnknownOrder):
            await rig.provider.rental_messages("1")
        with pytest.raises(PriceTooLow) as too_low:
            await rent(rig, max_price=Decimal("0.01"))
        await rig.control("settings", balance="0.00")
        with pytest.raises(AccountProblem):
            await rent(rig)
        assert await rentals(rig) == []
        await rig.control("settings", balance="100.00")
        assert too_low.value.minimum is not None
        await rent(rig, max_price=too_low.value.minimum)
        assert await rig.provider.balance() == Decimal(100) - too_low.value.minimum

    play(scenario)


@pytest.mark.parametrize(
    ("fault", "executed"),
    [("drop_answer", True), ("garbage", True), ("slow", True), ("connection_reset", False), ("http_500", False)],
)
def test_rent_without_a_readable_answer_is_unknown(play: Play, fault: str, executed: bool) -> None:
    async def scenario(rig: Rig) -> None:
        buyer = rig.another(timeout_s=NO_WAIT_S if fault == "slow" else LONG_S)
        await rig.control("faults", action="*", fault=fault, delay_s=LONG_S)
        with pytest.raises(OutcomeUnknown):
            await buyer.rent("lost", rig.kind.service, rig.kind.country, HOURS, None)
        assert len(await rentals(rig)) == executed

    play(scenario)


@pytest.mark.parametrize(("fault", "error"), [("drop_answer", Unavailable), ("rate_limit", Unavailable)])
def test_what_may_be_asked_again_never_ends_in_doubt(play: Play, fault: str, error: type[ProviderError]) -> None:
    async def scenario(rig: Rig) -> None:
        id_ = (await rent(rig)).provider_order_id
        provider = rig.provider
        calls: dict[str, Call] = {
            "rental_messages": lambda: provider.rental_messages(id_),
            "finish_rental": lambda: provider.finish_rental(id_),
            "cancel_rental": lambda: provider.cancel_rental(id_),
            "active_rentals": provider.active_rentals,
        }
        await rig.control("faults", action="*", fault=fault, count=100)
        for method, call in calls.items():
            with pytest.raises(NotOffered if method in rig.kind.not_offered else error):
                await call()

    play(scenario)
