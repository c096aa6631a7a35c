"""Several processes at one account: their parts never make more than one, and what one is told all leave alone."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import httpx
import pytest

from pollers.accounts import Account
from pollers.providers.contract import AccountProblem, Unavailable
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.sharing import Sharing, spread_rest
from pollers.simulator import SimulatorSettings, running
from pollers.turns import Held, pace
from tests.pollers.support import answering
from wallet_db.connect import Pool, pool

NAME = "sms_activate"
PER_S = 8.0
LIMIT_PER_S = 10.0
CALLS = 24


class Peer:
    """A process's account and its part, on a pool of several."""

    def __init__(self, db: Pool, http: httpx.AsyncClient, url: str, *, per_s: float = PER_S) -> None:
        spread = partial(spread_rest, db)
        self.account = Account(SmsActivate(url, "demo", http, timeout_s=2), NAME, per_s=per_s, spread=spread)
        self.sharing = Sharing(db, {NAME: self.account})


Scenario = Callable[[Pool, httpx.AsyncClient, str], Awaitable[None]]


def play(database_url: str, scenario: Scenario) -> None:
    async def main() -> None:
        settings = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=1e7, seed=1)
        with running(settings) as base_url:
            async with (
                asyncio.timeout(60),
                pool(database_url, "test") as db,
                httpx.AsyncClient(event_hooks={"request": [pace]}) as http,
            ):
                await scenario(db, http, base_url)

    asyncio.run(main())


def test_a_newcomer_has_nothing_until_the_others_take_less_and_then_all_have_as_much(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        first, second, third = (Peer(db, http, url) for _ in range(3))
        await first.sharing.join()
        assert first.account.share == 1
        assert not await second.sharing.renew()
        with pytest.raises(Held):
            await second.account.balance()
        await first.sharing.renew()
        assert await second.sharing.renew()
        assert [peer.account.share for peer in (first, second)] == [0.5, 0.5]
        for _ in range(2):
            for peer in (third, first, second):
                await peer.sharing.renew()
        await third.sharing.renew()
        assert [peer.account.share for peer in (first, second, third)] == [0.333333] * 3

    play(database_url, scenario)


def test_who_leaves_gives_its_part_back_and_who_dies_when_its_lease_ends(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        first, dead, leaving = (Peer(db, http, url) for _ in range(3))
        for _ in range(3):
            for peer in (first, dead, leaving):
                await peer.sharing.renew()
        task = asyncio.create_task(leaving.sharing.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        await first.sharing.renew()
        assert first.account.share == 0.5
        await db.execute(
            "update account_shares set until = until - interval '5 seconds' where process <> $1", first.sharing.process
        )
        await first.sharing.renew()
        assert first.account.share == 1
        assert await db.fetchval("select count(*) from account_shares") == 1

    play(database_url, scenario)


def test_who_cannot_renew_sends_nothing_after_its_lease(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        account = Peer(db, http, url, per_s=1000).account
        sharing = Sharing(db, {NAME: account}, lease=timedelta(seconds=0.3))
        await sharing.join()
        await account.balance()
        await asyncio.sleep(0.3)  # the lease's own time
        with pytest.raises(Held):
            await account.balance()
        await sharing.renew()
        await account.balance()

    play(database_url, scenario)


async def storm(peers: list[Peer]) -> list[BaseException | str]:
    """All call at once; what came of it."""

    async def call(peer: Peer, number: int) -> str:
        return (await peer.account.buy(str(number), "wa", "6", None)).phone

    calls = (call(peers[number % len(peers)], number) for number in range(CALLS))
    return await asyncio.gather(*calls, return_exceptions=True)


async def limit(url: str) -> None:
    async with httpx.AsyncClient() as control:
        body = {"provider": NAME, "per_s": LIMIT_PER_S, "block_s": 10}
        (await control.post(f"{url}/sim/limits", json=body)).raise_for_status()


def test_together_they_stay_within_what_the_provider_allows(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        peers = [Peer(db, http, url) for _ in range(3)]
        for _ in range(3):
            for peer in peers:
                await peer.sharing.renew()
        renewing = [asyncio.create_task(peer.sharing.run()) for peer in peers]
        await limit(url)
        begun_s = asyncio.get_running_loop().time()
        assert all(isinstance(result, str) for result in await storm(peers))
        assert asyncio.get_running_loop().time() - begun_s >= (CALLS - 5) / PER_S - 0.2
        for task in renewing:
            task.cancel()
        await asyncio.wait(renewing)

    play(database_url, scenario)


def test_without_sharing_the_same_calls_are_refused(database_url: str) -> None:
    """The control of the test above."""

    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        await limit(url)
        results = await storm([Peer(db, http, url) for _ in range(3)])
        assert any(isinstance(result, Unavailable) and not isinstance(result, Held) for result in results)

    play(database_url, scenario)


def test_a_pause_told_to_one_is_kept_by_all(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        async with answering("", status="429 Too Many Requests", header="Retry-After: 30") as limited:
            told = Peer(db, http, limited)
            with pytest.raises(Unavailable):
                await told.account.active()
        other = Peer(db, http, url)
        await other.sharing.join()
        with pytest.raises(Held) as held:
            await other.account.buy("1", "wa", "6", None)
        assert held.value.retry_after_s
        assert 25 < held.value.retry_after_s <= 30

    play(database_url, scenario)


async def rest(db: Pool, scope: str) -> None:
    await db.execute("select rest_account($1, $2, '', '', interval '1 minute', null, 'BANNED')", NAME, scope)


async def over(db: Pool, scope: str) -> None:
    """A rest of this scope stands no longer."""
    await db.execute(
        "insert into account_rests (provider, scope, until, reason) values ($1, $2, now() - interval '1 s', 'BANNED')"
        " on conflict on constraint account_rests_pkey do update set until = excluded.until",
        NAME,
        scope,
    )


def test_what_is_over_goes_unless_somebody_is_at_it(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        for scope in ("account", "purchases", "pause"):
            await over(db, scope)
        async with asyncio.timeout(10), db.acquire() as other, other.transaction():
            await other.execute("select from account_rests where scope = 'account' for update")
            await rest(db, "purchases")  # it waits for nobody
        rows = await db.fetch("select scope, until > now() as stands from account_rests order by scope")
        assert [tuple(row) for row in rows] == [("account", False), ("purchases", True)]

    play(database_url, scenario)


def test_two_that_are_told_of_different_rests_at_once_do_not_hold_each_other_up(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        for _ in range(100):
            for scope in ("account", "purchases"):
                await over(db, scope)
            await asyncio.gather(rest(db, "account"), rest(db, "purchases"))
            assert await db.fetchval("select count(*) from account_rests where until > now()") == 2

    play(database_url, scenario)


ROUTE_BAN = """{"title":"BANNED","details":"…","info":{"scope":"country_service","banned_until":"2030-01-01T00:00:00Z",
"retry_after_seconds":600}}"""


def test_a_ban_of_a_route_rests_that_route_only_in_every_process(database_url: str) -> None:
    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        async with answering(ROUTE_BAN, status="403 Forbidden") as banning:
            provider = HeroSms(banning, "demo", http, timeout_s=2)
            told = Account(provider, NAME, per_s=100, spread=partial(spread_rest, db))
            with pytest.raises(AccountProblem) as problem:
                await told.buy("1", "wa", "6", None)
            assert problem.value.of_route
            assert problem.value.banned_for_s == 600
        other = Peer(db, http, url, per_s=100)
        await other.sharing.join()
        with pytest.raises(AccountProblem) as problem:
            await other.account.buy("1", "wa", "6", None)
        assert problem.value.of_route
        assert problem.value.banned_until is not None
        bought = await other.account.buy("2", "tg", "6", None)
        await other.account.check(bought.provider_order_id)
        await other.account.buy("3", "wa", "0", None)

    play(database_url, scenario)


@pytest.mark.parametrize("seed", range(5))
def test_parts_never_make_more_than_one_whoever_comes_renews_dies_and_leaves(database_url: str, seed: int) -> None:
    """A walk at random over the database's side, its time given as an argument."""
    chance = random.Random(seed)

    async def scenario(db: Pool, http: httpx.AsyncClient, url: str) -> None:
        now = await db.fetchval("select now()")
        held: dict[UUID, tuple[float, float]] = {}  # by the process's own word: its part, and until when

        async def share(process: UUID, at_s: float) -> None:
            row = await db.fetchrow(
                "select share, left_s from share_accounts($1, $2, interval '5 seconds', $3)",
                process,
                [NAME],
                now + timedelta(seconds=at_s),
            )
            held[process] = (float(row["share"]), at_s + row["left_s"])

        at_s = 0.0
        alive: list[UUID] = []
        for _ in range(150):
            at_s += chance.uniform(0, 1)
            move = chance.random()
            if not alive or (move < 0.1 and len(alive) < 7):
                alive.append(uuid4())
                await share(alive[-1], at_s)
            elif move < 0.15:
                alive.remove(chance.choice(alive))  # killed: what it holds it may use until its lease ends
            elif move < 0.2:
                gone = alive.pop()
                await db.execute("select leave_accounts($1)", gone)
                del held[gone]
            else:
                await share(chance.choice(alive), at_s)
            assert sum(part for part, until_s in held.values() if until_s > at_s) <= 1 + 1e-9
        for _ in range(10):
            at_s += 1
            for process in alive:
                await share(process, at_s)
        assert {held[process][0] for process in alive} == {int(1e6 / len(alive)) / 1e6}

    play(database_url, scenario)
