"""A list of open orders is read once for all who want it, and for each of them after they have asked."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pollers.open_lists import OpenLists
from pollers.providers.contract import ActiveOrder, Unavailable

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Provider:
    """Tells how often it was asked, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []
        self.begun = asyncio.Semaphore(0)
        self.let = asyncio.Semaphore(0)
        self.fault: Exception | None = None

    async def active(self, since: datetime) -> list[ActiveOrder]:
        self.asked.append(since)
        number = len(self.asked)
        self.begun.release()
        await self.let.acquire()
        if self.fault is not None:
            raise self.fault
        return [ActiveOrder(str(number), "6281234567890", "wa", "6", since)]


def reading(
    lists: OpenLists, provider: Provider, *, age_s: float = 0, name: str = "fivesim"
) -> asyncio.Task[list[ActiveOrder]]:
    return asyncio.create_task(lists.read(name, T0 - timedelta(seconds=age_s), provider.active))


def numbers(orders: list[ActiveOrder]) -> str:
    [order] = orders
    return order.provider_order_id


def test_who_asks_while_it_is_read_has_the_next_one_with_all_others() -> None:
    async def main() -> None:
        lists, provider = OpenLists(), Provider()
        first = reading(lists, provider)
        await provider.begun.acquire()
        others = [reading(lists, provider, age_s=age_s) for age_s in (10, 30, 20)]
        await asyncio.sleep(0)
        assert len(provider.asked) == 1
        provider.let.release()
        assert numbers(await first) == "1"
        await provider.begun.acquire()
        later = reading(lists, provider)
        provider.let.release()
        assert [numbers(await other) for other in others] == ["2"] * 3
        provider.let.release()
        assert numbers(await later) == "3"
        assert provider.asked == [T0, T0 - timedelta(seconds=30), T0]

    asyncio.run(main())


def test_accounts_are_read_beside_one_another() -> None:
    async def main() -> None:
        lists, provider = OpenLists(), Provider()
        reads = [reading(lists, provider, name=name) for name in ("fivesim", "herosms")]
        for _ in reads:
            await provider.begun.acquire()
            provider.let.release()
        assert sorted([numbers(await read) for read in reads]) == ["1", "2"]

    asyncio.run(main())


@pytest.mark.parametrize("has_begun", [True, False], ids=["reading", "waiting"])
def test_one_cut_off_leaves_the_reading_to_the_others(has_begun: bool) -> None:
    async def main() -> None:
        lists, provider = OpenLists(), Provider()
        first = reading(lists, provider)
        await provider.begun.acquire()
        leader, *others = [reading(lists, provider) for _ in range(3)]
        await asyncio.sleep(0)
        if has_begun:
            provider.let.release()
            assert numbers(await first) == "1"
            await provider.begun.acquire()
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        if not has_begun:
            provider.let.release()
            assert numbers(await first) == "1"
        for _ in others:
            provider.let.release()
        # Whoever is first reads; while that is under way the other one waits for the next.
        assert [numbers(await other) for other in others] == (["3", "4"] if has_begun else ["2", "2"])

    asyncio.run(main())


def test_one_that_joined_may_leave() -> None:
    async def main() -> None:
        lists, provider = OpenLists(), Provider()
        first = reading(lists, provider)
        await provider.begun.acquire()
        leader, leaver, stays = [reading(lists, provider) for _ in range(3)]
        await asyncio.sleep(0)
        leaver.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaver
        provider.let.release()
        provider.let.release()
        assert [numbers(await read) for read in (first, leader, stays)] == ["1", "2", "2"]

    asyncio.run(main())


def test_what_is_refused_is_refused_to_all_and_asked_again_by_the_next() -> None:
    async def main() -> None:
        lists, provider = OpenLists(), Provider()
        provider.fault = Unavailable("away")
        first = reading(lists, provider)  # nobody waits with it
        await provider.begun.acquire()
        others = [reading(lists, provider) for _ in range(2)]
        await asyncio.sleep(0)
        provider.let.release()
        provider.let.release()
        for read in (first, *others):
            with pytest.raises(Unavailable):
                await read
        provider.fault = None
        provider.let.release()
        assert numbers(await lists.read("fivesim", T0, provider.active)) == "3"

    asyncio.run(main())
