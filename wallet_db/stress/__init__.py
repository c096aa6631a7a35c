"""Many callers at once on few wallets, over real connections, and a verdict on what came of it.

    plan ─► users of its own ─► callers (intents.py) ─► ledger of answers (ledger.py) ─► verdict.py: ledger vs database

The callers do what clients do when they are at their worst: buy more than there is, click twice, end one hold in two
ways at once, repeat calls with the same arguments and with others. It stops by itself, at the latest `CALLS_MAX` calls
after the start; asked to stop, each caller finishes the call it is in. The users stay: the audit cannot be deleted.
"""

import asyncio
import dataclasses
import random
import secrets
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import asyncpg

from wallet_db import wallet
from wallet_db.connect import Connection, DatabaseUnavailable, Pool, connect, pool
from wallet_db.errors import WalletBusy, WalletError
from wallet_db.stress.intents import RIGHT, Intent, intend
from wallet_db.stress.ledger import Call, Ledger
from wallet_db.wallet import Operation

CONNECTIONS_MAX = 90
CONNECTIONS_SPARE = 5
"""Left free of those the server allows, for whoever else connects meanwhile."""
CALLS_MAX = 1_000_000
"""Each acknowledged operation is remembered until the end, in some hundred bytes."""
BROKEN = (
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    OSError,
)
"""After these nobody knows whether the call was carried out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`amount` of a purchase, `balance` each user begins with; `seconds` or `operations` (calls) end the run."""

    concurrent: int = 100
    amount: Decimal = Decimal("5.00")
    users: int = 10
    balance: Decimal = Decimal("100.00")
    seconds: float = 10.0
    operations: int | None = None
    seed: int = 0


@dataclass(slots=True)
class Run:
    """What happened: the ledger of answers, and by intent how often which outcome came and how long calls took."""

    name: str
    plan: Plan
    connections: int
    ledger: Ledger
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    latencies_s: dict[str, "array[float]"] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    """Of the call alone, without the wait for a free connection of the pool."""
    lock_faults: Counter[str] = field(default_factory=Counter)
    prepared: int = 0
    """Calls made one after another before the clock was started."""
    begun: int = 0
    elapsed_s: float = 0.0

    @property
    def calls(self) -> int:
        """Calls that were answered, or failed."""
        return sum(counter.total() for counter in self.outcomes.values())

    @property
    def calls_per_s(self) -> float:
        """Of all callers together."""
        return (self.calls - self.prepared) / max(self.elapsed_s, 0.001)


async def run(url: str, plan: Plan, *, stop: asyncio.Event, on_progress: Callable[[float, float, str], None]) -> Run:
    """Carry the plan out. `on_progress` hears of seconds or calls done, of how many, and a note.

    Raises `DatabaseUnavailable` if it cannot begin; a connection that breaks in the middle is an outcome.
    """
    name = f"stress-{secrets.token_hex(4)}"
    connection = await connect(url, "stress")
    try:
        connections = await _connections(connection, plan.concurrent)
        user_ids = await connection.fetch(
            "insert into users (name) select $1 || '-' || n from generate_series(1, $2::integer) n returning id",
            name,
            plan.users,
        )
        done = Run(name, plan, connections, Ledger([row["id"] for row in user_ids]))
    finally:
        await connection.close(timeout=10)
    async with pool(url, "stress", connections_max=connections) as opened:
        await _open_all(url, opened, connections)
        if plan.balance:
            for user_id in done.ledger.accounts:
                first = Call("deposit", user_id, plan.balance, f"{name}-first-{user_id}")
                await _make(done, opened, Intent("deposit", first))
        done.prepared = done.calls
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            callers = [
                group.create_task(_caller(done, opened, number, stop, began)) for number in range(plan.concurrent)
            ]
            group.create_task(_report(done, callers, began, on_progress))
        done.elapsed_s = time.monotonic() - began
    return done


async def _connections(connection: Connection, wanted: int) -> int:
    free: int = await connection.fetchval(
        "select current_setting('max_connections')::integer"
        " - current_setting('superuser_reserved_connections')::integer"
        " - coalesce(current_setting('reserved_connections', true), '0')::integer"
        " - (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer"
    )
    return max(1, min(wanted, CONNECTIONS_MAX, free - CONNECTIONS_SPARE))


async def _open_all(url: str, opened: Pool, connections: int) -> None:
    """So that no call's time holds the making of its connection."""
    try:
        for ready in [await opened.acquire() for _ in range(connections)]:
            await opened.release(ready)
    except (asyncpg.PostgresError, OSError) as error:
        raise DatabaseUnavailable(url, error) from error


async def _report(
    done: Run, callers: list[asyncio.Task[None]], began: float, on_progress: Callable[[float, float, str], None]
) -> None:
    while True:
        _, running = await asyncio.wait(callers, timeout=0.2)
        elapsed_s, calls = time.monotonic() - began, done.calls
        note = f"{calls:,} calls, {calls / max(elapsed_s, 0.001):,.0f}/s, {done.lock_faults.total()} without a lock"
        if done.plan.operations is None:
            on_progress(elapsed_s, done.plan.seconds, note)
        else:
            on_progress(calls, done.plan.operations, note)
        if not running:
            return


async def _caller(done: Run, opened: Pool, number: int, stop: asyncio.Event, began: float) -> None:
    plan = done.plan
    chance = random.Random(f"{plan.seed} {number}")  # noqa: S311 - it is to be repeatable
    accounts = list(done.ledger.accounts.values())
    calls_max = plan.operations or CALLS_MAX
    turn = 0
    while not stop.is_set() and done.begun < calls_max:
        if plan.operations is None and time.monotonic() - began >= plan.seconds:
            return
        done.begun += 1
        turn += 1
        intent = intend(chance, chance.choice(accounts), plan.amount, f"{done.name}-{number}-{turn}")
        if intent.name == "double click":
            await asyncio.gather(_make(done, opened, intent), _make(done, opened, intent))
        else:
            await _make(done, opened, intent)


async def _make(done: Run, opened: Pool, intent: Intent) -> None:
    """One call, its outcome and its time."""
    began = time.perf_counter()
    try:
        async with opened.acquire() as connection:
            began = time.perf_counter()
            answer = await _perform(connection, intent.call)
            done.latencies_s[intent.name].append(time.perf_counter() - began)
    except WalletError as refusal:
        done.latencies_s[intent.name].append(time.perf_counter() - began)
        outcome = type(refusal).__name__
    except WalletBusy as fault:
        outcome = f"WalletBusy {fault.sqlstate}"
        done.lock_faults[outcome] += 1
    except BROKEN as fault:
        outcome = type(fault).__name__
        done.ledger.accounts[intent.call.user_id].unanswered += 1
        if isinstance(fault, TimeoutError):
            done.lock_faults[outcome] += 1
    except asyncpg.PostgresError as fault:
        outcome = f"{type(fault).__name__} {fault}"
    else:
        outcome = "replayed" if answer.replayed else "done"
        if not answer.replayed:
            done.ledger.acknowledge(intent.call, answer)
        elif intent.before is not None and dataclasses.replace(answer, replayed=False) != intent.before:
            done.ledger.contradict(f"{intent.call}: first {intent.before}, replayed {answer}")
    done.outcomes[intent.name][outcome] += 1
    if outcome not in RIGHT[intent.name]:
        done.ledger.contradict(f"{intent.name}, {intent.call}: {outcome}")


async def _perform(connection: Connection, call: Call) -> Operation:
    if call.kind == "commit":
        return await wallet.commit(connection, call.user_id, call.transaction_id, amount=call.amount)
    if call.kind == "refund":
        return await wallet.refund(connection, call.user_id, call.transaction_id, amount=call.amount)
    if call.amount is None:
        raise ValueError(f"a {call.kind} needs an amount")
    move = wallet.freeze if call.kind == "freeze" else wallet.deposit
    return await move(connection, call.user_id, call.amount, call.transaction_id)
