"""The run: place orders and kill processes, then let everything come to its end, and judge.

The order at the end is what the verdict rests on: nothing is hit and no answer spoilt any more; then time is bent until
every order is over; then the pollers stop, and only then both sides' books are read.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from bench.loss.database import Database
from bench.loss.processes import ROOT, look_after, running
from bench.soak.judge import Verdict, judge
from bench.soak.plan import Plan
from bench.soak.system import System, hit, running_system
from bench.soak.time import Time, deliver_late
from bench.soak.users import Users
from pollers.providers.sms_activate import SmsActivate

BEGIN_S = 60.0
LOOK_S = 0.5
CREDIT = 100_000
BENT_SMS = {"delay_median_s": 2.0, "delay_p90_s": 8.0}
"""As many numbers stay silent as the scenario says, but an SMS that comes, comes soon."""


class SoakError(Exception):
    """No verdict was reached. The text says why."""


@dataclass(slots=True)
class Result:
    """All of it. reconciled: what the command printed the last time."""

    plan: Plan
    verdict: Verdict = field(default_factory=Verdict)
    answers: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    reconciled: str = ""
    seconds: float = 0.0


Show = Callable[[float, str], None]
"""Is told how far it is, 0 to 1, and what is going on."""


async def soak(plan: Plan, database: Database, simulator_url: str, logs: Path, show: Show) -> Result:
    """Run, and judge. Raises SoakError, DatabaseUnavailable."""
    result, loop = Result(plan), asyncio.get_running_loop()
    began_s = loop.time()
    users = await _users(plan, database)
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=64)) as http:
        (await http.post(f"{simulator_url}/sim/routes", json=BENT_SMS)).raise_for_status()
        async with running_system(database.url, simulator_url, logs) as system:
            show(0, "starting")
            await _begun(system, http)
            status, said = await reconcile(system)
            if status:
                raise SoakError(f"expected the books to agree before the first order:\n{said}")
            await _place(plan, system, database, users, http, result, show)
            await deliver_late(plan, database, simulator_url, http)
            (await http.delete(f"{simulator_url}/sim/scenario")).raise_for_status()
            await _settle(plan, system, Time(database, simulator_url, http), show)
        if plan.control:
            await SmsActivate(simulator_url, "demo", http).buy(f"control-{uuid4()}", "wa", "6", None)
        result.hits, result.restarts = system.hits, system.restarts
        result.verdict = await judge(database, simulator_url, http)
    status, result.reconciled = await reconcile(system)
    if status:
        result.verdict.wrong.append("reconcile: the books do not agree, see above")
    result.seconds = loop.time() - began_s
    return result


async def reconcile(system: System) -> tuple[int, str]:
    """`python -m pollers reconcile`, as an operator calls it: its status, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollers", "reconcile"),
        cwd=ROOT,
        env=system.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode().strip()


async def _users(plan: Plan, database: Database) -> list[UUID]:
    chance = plan.chance("users")
    users = [UUID(int=chance.getrandbits(128), version=4) for _ in range(plan.users)]
    async with database.session() as session:
        await session.execute("update services set price = 5.00 where price is null")
        await session.execute("update services set rental_price_hour = 1.50 where rental_price_hour is null")
        await session.execute("insert into users (id) select unnest($1::uuid[])", users)
        await session.execute(
            "select atomic_deposit(p_user_id => id, p_amount => $2, p_transaction_id => 'credit-' || id)"
            " from unnest($1::uuid[]) id",
            users,
            CREDIT,
        )
    return users


async def _begun(system: System, http: httpx.AsyncClient) -> None:
    try:
        async with asyncio.timeout(BEGIN_S):
            while not await _is_ready(system, http) or not all(p.last_said("working") for p in system.pollers):  # noqa: ASYNC110 - no event crosses a process
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise SoakError(f"expected gateway and pollers to work within {BEGIN_S:.0f} s: see the logs") from None


async def _is_ready(system: System, http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{system.port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def _place(
    plan: Plan,
    system: System,
    database: Database,
    ids: list[UUID],
    http: httpx.AsyncClient,
    result: Result,
    show: Show,
) -> None:
    loop = asyncio.get_running_loop()
    users = Users(f"http://127.0.0.1:{system.port}", system.key, ids, http)
    began_s = loop.time()
    orders = [
        asyncio.create_task(users.place(number, order, began_s, loop.time))
        for number, order in enumerate(plan.all_orders())
    ]
    async with running([hit(plan, system, database)] if plan.hit_every_s else []) as hitting:
        try:
            while not all(order.done() for order in orders):
                look_after((*system.tasks, *hitting))
                done = sum(order.done() for order in orders)
                show(0.7 * done / plan.orders, f"{done:,} of {plan.orders:,} orders  {system.hits.total()} hits")
                await asyncio.sleep(LOOK_S)
        finally:
            for order in orders:
                order.cancel()
    for failed in await asyncio.gather(*orders, return_exceptions=True):
        if isinstance(failed, BaseException):
            raise SoakError(f"an order was never answered: {type(failed).__name__}: {failed}")
    result.answers = users.answers
    await database.up()


async def _settle(plan: Plan, system: System, time: Time, show: Show) -> None:
    """Until every order is over; what is not within `Plan.settle_s` is judged as it stands."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while (waited_s := loop.time() - began_s) < plan.settle_s:
        left = await time.bend()
        if not left:
            return
        look_after(system.tasks)
        show(0.7 + 0.3 * waited_s / plan.settle_s, f"{left:,} of {plan.orders:,} orders are open")
        await asyncio.sleep(LOOK_S)
