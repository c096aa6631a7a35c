"""Who makes the events: a process of its own, so that writing does not delay the clients that look at their clock.

Sessions of one process write at an even rate, a transaction each, into random users' streams; the moment before each
statement and its acknowledgement are kept, by the clock that all processes of a machine share. Sessions that cannot
keep up are late and, in the end, write fewer: the rate comes out lower, which is told.

    python -m bench.peers.writing DATABASE_URL      orders as lines of JSON in, results as lines of JSON out
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import uvloop

from bench.delivery.clients import Tally
from bench.peers.contract import EventsLost, Write
from bench.wallet.server import BenchError
from wallet_db.connect import Connection, connect

SESSIONS = 16
LATE_MAX = 2.0
"""Times what was asked for: whoever cannot keep up writes fewer."""
STALLED_S = 15.0
"""Without a single event: whatever is missing then does not come."""
USER = "00000000-0000-0000-0000-{:012}"
"""As `bench/wallet/sql/users.sql` numbers them, from 1."""
PAYLOAD = (
    '{"balance": "36.00", "frozen": "5.00", "available": "31.00", "operation": "deposit", "amount": "0.01",'
    ' "transaction_id": "bench-TURN"}'
)
"""Like a deposit's."""
STATEMENTS: dict[Write, str] = {
    "event": "select append_event($1::text::uuid, 'balance.changed', $2::text::jsonb)",
    "row": "insert into peer_messages (user_id, body) values ($1::text::uuid, $2::text::jsonb)",
}
FLOODS: dict[Write, str] = {
    "event": "select append_event(u::uuid, 'balance.changed', $2::text::jsonb) from unnest($1::text[]) u",
    "row": "insert into peer_messages (user_id, body) select u::uuid, $2::text::jsonb from unnest($1::text[]) u",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written: `rate` transactions a second for so long, for users 1 … `users`."""

    write: Write
    name: str
    """Makes the transaction ids of this order unlike others'."""
    users: int
    rate: float
    seconds: float

    @property
    def events(self) -> int:
        """How many."""
        return max(1, int(self.rate * self.seconds))

    def transaction_id(self, turn: int) -> str:
        """What its event carries."""
        return f"bench-{self.name}-{turn}"


@dataclass(frozen=True, slots=True)
class Written:
    """When each was sent and acknowledged, time.monotonic() by turn; `rate` is what was reached."""

    sent: Sequence[float]
    acknowledged: Sequence[float]
    cpu_s: float
    """Of the writing process."""

    @property
    def rate(self) -> float:
        """Acknowledged transactions a second."""
        took_s = max(self.acknowledged) - min(self.sent)
        return len(self.sent) / took_s if took_s > 0 else 0.0


class Writers:
    """The process, from outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def write(self, order: Order, tally: Tally) -> Written:
        """Have it written, and wait until the tally's clients have all of it. Raises `EventsLost`, `BenchError`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - they are pipes
        before = tally.events
        stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        count = int(await stdout.readline() or 0)
        try:
            await arrived(tally, before + count)
        finally:
            line = await stdout.readline()  # read only now: parsing would delay the clients of this process
        if not line:
            raise BenchError("the writers ended")
        return Written(**json.loads(line))


async def arrived(tally: Tally, events: int) -> None:
    """Until the tally has come to so many events. Raises `EventsLost` when nothing has come for a while."""
    while tally.events < events:
        seen = tally.events
        try:
            await tally.until(lambda now: now.events >= events, STALLED_S)
        except TimeoutError:
            if tally.events == seen:
                raise EventsLost(events - seen) from None


@asynccontextmanager
async def running_writers(url: str) -> AsyncIterator[Writers]:
    """A process that writes on order, connected."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.peers.writing", url, stdin=pipe, stdout=pipe, limit=1 << 28
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        if await process.stdout.readline() != b"ready\n":
            raise BenchError("the writers do not start")
        yield Writers(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _write(sessions: Sequence[Connection], order: Order) -> Written:
    sent, acknowledged = [0.0] * order.events, [0.0] * order.events
    used, began = time.process_time(), time.monotonic()
    turns, end = iter(range(order.events)), began + LATE_MAX * order.seconds

    async def session(connection: Connection) -> None:
        statement = await connection.prepare(STATEMENTS[order.write])
        while time.monotonic() < end and (turn := next(turns, None)) is not None:
            if (wait_s := began + turn / order.rate - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            user = USER.format(random.randint(1, order.users))  # noqa: S311 - spreads load
            payload = PAYLOAD.replace("bench-TURN", order.transaction_id(turn))
            sent[turn] = time.monotonic()
            await statement.fetchval(user, payload)
            acknowledged[turn] = time.monotonic()

    async with asyncio.TaskGroup() as tasks:
        for connection in sessions:
            tasks.create_task(session(connection))
    count = next(turns, order.events)
    return Written(sent[:count], acknowledged[:count], time.process_time() - used)


async def _main(url: str) -> None:
    sessions = [await connect(url, "bench writer") for _ in range(SESSIONS)]
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        written = await _write(sessions, Order(**json.loads(line)))
        print(len(written.sent), json.dumps(asdict(written)), sep="\n", flush=True)


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1]))
