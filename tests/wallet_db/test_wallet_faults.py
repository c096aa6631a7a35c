"""The server is killed, or a backend terminated, in the middle of the work: what was acknowledged is there, and whole.

The clients know their transaction ids, so after the crash each makes its calls again: what had been done is replayed,
what had not is done. In the end every call has counted exactly once.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import psutil
import pytest

from tests.conftest import execute
from tests.wallet_db.books import Books, assert_sound, read_books
from tests.wallet_db.rivals import until_waiting
from tests.wallet_db.support import call, new_user, outcomes, run, wallet
from wallet_db.connect import Connection, Pool, connect
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

CLIENTS = 6
KILLS = 3
ACKNOWLEDGED_MIN = 150
"""So many calls are acknowledged before a kill: then the load is under way."""
BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
TOP_UP = Decimal("100000.00")


@dataclass(frozen=True)
class Step:
    """One transaction of a client: calls that count together or not at all."""

    calls: tuple[tuple[str, dict[str, Any]], ...]


@dataclass
class Client:
    """Freezes, settles and deposits for one user; remembers every step and what was acknowledged."""

    user: UUID
    steps: list[Step] = field(default_factory=list)
    acknowledged: list[list[dict[str, Any]]] = field(default_factory=list)

    def next_step(self) -> Step:
        number = len(self.steps)
        hold = {"p_user_id": self.user, "p_transaction_id": f"{self.user}-{number // 2}"}
        match number % 8:
            case 0 | 2 | 4:
                calls = [("atomic_freeze", hold | {"p_amount": Decimal("3.00")})]
            case 1:
                calls = [("atomic_commit", hold)]
            case 3:
                calls = [("atomic_refund", hold)]
            case 5:
                calls = [("atomic_commit", hold | {"p_amount": Decimal("1.00")})]
            case 6:
                calls = [("atomic_deposit", hold | {"p_amount": Decimal("0.01")})]
            case _:
                whole = hold | {"p_transaction_id": f"{self.user}-{number}-whole"}
                calls = [("atomic_freeze", whole | {"p_amount": Decimal("7.00")}), ("atomic_commit", whole)]
        self.steps.append(Step(tuple(calls)))
        return self.steps[-1]

    @property
    def expected(self) -> Decimal:
        """The balance once every step has counted once."""
        kinds = [number % 8 for number in range(len(self.steps))]
        spent = {1: "3.00", 5: "1.00", 6: "-0.01", 7: "7.00"}
        return TOP_UP - sum((Decimal(spent.get(kind, "0")) for kind in kinds), Decimal(0))


async def make(connection: Connection, step: Step) -> list[dict[str, Any]]:
    """The answers, once the transaction is acknowledged."""
    if len(step.calls) == 1:
        [(function, arguments)] = step.calls
        return [await call(connection, function, **arguments)]
    async with connection.transaction():
        return [await call(connection, function, **arguments) for function, arguments in step.calls]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, with fsync on."""
    embedded = EmbeddedPostgres(tmp_path)
    try:
        yield embedded
    finally:
        embedded.stop()


def kill(data_dir: Path) -> None:
    """SIGKILL the postmaster and whatever it had started, and wait until they are gone."""
    pid = int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    postmaster = psutil.Process(pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    assert len(family) > CLIENTS
    os.kill(pid, signal.SIGKILL)
    for process in family[1:]:
        with_luck(process)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive), alive


def with_luck(process: psutil.Process) -> None:
    """Kill it unless it went with its parent."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


async def load_until_killed(url: str, clients: list[Client], data_dir: Path) -> None:
    """All clients at work; once enough is acknowledged the server is killed, and every client breaks off."""
    enough, acknowledged = asyncio.Event(), 0

    async def work(client: Client) -> None:
        nonlocal acknowledged
        connection = await connect(url, "client")
        try:
            while True:
                client.acknowledged.append(await make(connection, client.next_step()))
                acknowledged += 1
                if acknowledged >= ACKNOWLEDGED_MIN:
                    enough.set()
        except BROKEN:
            return
        finally:
            connection.terminate()

    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(work(client))
        await enough.wait()
        await asyncio.to_thread(kill, data_dir)


def assert_whole_or_not_at_all(books: Books, step: Step) -> bool:
    """Whether the step is in the books: all of its calls, or none."""
    written = {(f"atomic_{entry['type']}", entry["transaction_id"]) for entry in books.operations}
    present = [(function, arguments["p_transaction_id"]) in written for function, arguments in step.calls]
    assert len(set(present)) == 1, "half of a transaction"
    return present[0]


async def check_and_finish(db: Pool, client: Client) -> int:
    """What was acknowledged is there and is answered as before; the last step is made again. 1 if it had been lost."""
    await assert_sound(db, client.user)
    books = await read_books(db, client.user)
    lost = 0
    async with db.acquire() as connection:
        for number, step in enumerate(client.steps):
            present = assert_whole_or_not_at_all(books, step)
            answers = await make(connection, step)
            assert [answer["replayed"] for answer in answers] == [present] * len(answers)
            if number < len(client.acknowledged):
                assert present, f"acknowledged and lost: {step}"
                before = [answer | {"replayed": True} for answer in client.acknowledged[number]]
                assert answers == before
            else:
                assert number == len(client.steps) - 1
                lost += not present
                client.acknowledged.append(answers)
    await assert_sound(db, client.user)
    frozen = Decimal("3.00") * (len(client.steps) % 8 in (1, 3, 5))
    balance = client.expected
    assert await wallet(db, client.user) == (f"{balance:.2f}", f"{frozen:.2f}", f"{balance - frozen:.2f}")
    return lost


@pytest.mark.timeout(180)
def test_a_killed_server_has_kept_what_it_acknowledged_and_nothing_by_halves(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    clients: list[Client] = []

    async def begin(db: Pool) -> None:
        assert await db.fetchval("show fsync") == "on"
        assert await db.fetchval("show synchronous_commit") == "on"
        clients.extend([Client(await new_user(db, str(TOP_UP))) for _ in range(CLIENTS)])

    async def finish(db: Pool) -> None:
        for client in clients:
            await check_and_finish(db, client)

    url = server.start()
    asyncio.run(migrate(url))
    run(url, begin)
    for _ in range(KILLS):
        asyncio.run(load_until_killed(url, clients, tmp_path))
        server.stop()
        assert server.start() == url
        run(url, finish)
    assert sum(len(client.steps) for client in clients) > KILLS * ACKNOWLEDGED_MIN


def test_a_transaction_whose_backend_is_terminated_leaves_nothing(database_url: str) -> None:
    """In the middle of a transaction of several operations, and while another waits for the same wallet."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await read_books(db, user)
        victim, waiter = await connect(database_url, "victim"), await connect(database_url, "waiter")
        freeze: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(36), "p_transaction_id": "all"}
        try:
            await victim.execute("begin")
            await call(victim, "atomic_freeze", **freeze)
            await call(victim, "atomic_commit", p_user_id=user, p_transaction_id="all")
            await call(victim, "atomic_deposit", p_user_id=user, p_amount=Decimal(1), p_transaction_id="more")
            waiting = asyncio.ensure_future(outcomes([call(waiter, "atomic_freeze", **freeze)]))
            await until_waiting(db, waiter, waiting)
            assert await read_books(db, user) == before
            assert await db.fetchval("select pg_terminate_backend($1, 10000)", victim.get_server_pid())
            with pytest.raises(BROKEN):
                await victim.execute("commit")
            [answer] = await waiting
            assert (answer["replayed"], answer["operation_number"]) == (False, 2), "as if it had been first"
        finally:
            victim.terminate()
            await waiter.close()
        assert await wallet(db, user) == ("36.00", "36.00", "0.00")
        await assert_sound(db, user)

    run(database_url, scenario)


def test_what_a_terminated_waiter_wanted_is_not_done(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await read_books(db, user)
        waiter = await connect(database_url, "waiter")
        try:
            async with db.acquire() as other, other.transaction():
                await call(other, "lock_user_wallet", p_user_id=user)
                deposit: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(1), "p_transaction_id": str(uuid4())}
                waiting = asyncio.ensure_future(call(waiter, "atomic_deposit", **deposit))
                await until_waiting(db, waiter, waiting)
                await db.fetchval("select pg_terminate_backend($1, 10000)", waiter.get_server_pid())
                with pytest.raises(BROKEN):
                    await waiting
        finally:
            waiter.terminate()
        assert await read_books(db, user) == before
        assert (await call(db, "atomic_deposit", **deposit))["replayed"] is False

    run(database_url, scenario)


def test_control_without_synchronous_commit_an_acknowledgement_may_be_lost(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    """The kill above would not notice a server that acknowledges too early, unless it can: it does."""

    async def acknowledge(url: str) -> UUID:
        connection = await connect(url, "client")
        try:
            user = await new_user(connection)
            await connection.execute("set synchronous_commit = off")
            await call(connection, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id="h")
        finally:
            await asyncio.to_thread(kill, tmp_path)
            connection.terminate()
        return user

    url = server.start()
    asyncio.run(migrate(url))
    asyncio.run(execute(url, "alter system set wal_writer_delay = '10s'"))
    asyncio.run(execute(url, "select pg_reload_conf()"))
    user = asyncio.run(acknowledge(url))
    server.stop()

    async def look(db: Pool) -> None:
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        await assert_sound(db, user)

    run(server.start(), look)
