"""One turn of one contestant: pgbench for some seconds, what it got done, and what that took of WAL and CPU.

The first second of each turn is not counted: its connections are new, and read the catalogs and compile functions,
which those of an application's pool have behind them.
"""

import re
from asyncio.subprocess import Process
from dataclasses import dataclass

from bench.wallet.contestants import Contestant
from bench.wallet.server import BenchError, Server, path_of, started
from wallet_db.connect import Connection

WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """What one contestant did in one round."""

    transactions_per_s: float
    wal_bytes_per_transaction: float
    cpu_us_per_transaction: float
    """Of all the server's processes. Unlike the speed, other programs on the machine hardly change it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What pgbench says it did: runs of the script and the seconds they took."""

    scripts: float
    seconds: float

    def after(self, warm_up: "Report") -> "Report":
        """Without the beginning."""
        return Report(self.scripts - warm_up.scripts, self.seconds - warm_up.seconds)


def parse_progress(line: str) -> Report | None:
    """One of the lines pgbench prints every second, if this is one; the first tells of all until then."""
    found = re.match(r"progress: ([\d.]+) s, ([\d.]+) tps, .* (\d+) failed$", line)
    if found is None:
        return None
    if int(found[3]):
        raise BenchError(f"{found[3]} transactions failed")
    return Report(scripts=float(found[1]) * float(found[2]), seconds=float(found[1]))


def parse_report(output: str) -> Report:
    """What pgbench prints at the end. Raises `BenchError` if transactions failed, or none ran."""
    tps = re.search(r"^tps = ([\d.]+) \(without initial connection time\)$", output, re.MULTILINE)
    processed = re.search(r"^number of transactions actually processed: (\d+)", output, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.MULTILINE)
    if tps is None or processed is None or failed is None:
        raise BenchError(f"expected pgbench's report, got {output[-500:]!r}")
    if int(failed[1]) or not int(processed[1]):
        raise BenchError(f"{failed[1]} transactions failed, {processed[1]} did not")
    return Report(scripts=int(processed[1]), seconds=int(processed[1]) / float(tps[1]))


async def turn(server: Server, url: str, session: Connection, contestant: Contestant, seconds: int) -> Sample:
    """Raises `BenchError` if a client met an error: a refusal, a deadlock, a lost connection."""
    command = (
        str(server.bin_dir / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={contestant.clients}",
        "--jobs=1",
        "--progress=1",
        f"--time={WARM_UP_S + seconds}",
        f"--define=users={contestant.users}",
        f"--file={path_of(contestant.script)}",
        url,
    )
    async with started(*command) as pgbench:
        warm_up = await _warm_up(pgbench)
        cpu_s, wal = server.cpu_s(), await session.fetchval("select pg_current_wal_insert_lsn()")
        output, complaint = await pgbench.communicate()
    wal_bytes = int(await session.fetchval("select pg_current_wal_insert_lsn() - $1::pg_lsn", wal))
    cpu_s = server.cpu_s() - cpu_s
    if pgbench.returncode != 0:
        raise BenchError(f"pgbench failed: {complaint.decode(errors='replace').strip()[-2000:]}")
    counted = parse_report(output.decode()).after(warm_up)
    transactions = counted.scripts * contestant.transactions
    return Sample(
        transactions_per_s=transactions / counted.seconds,
        wal_bytes_per_transaction=wal_bytes / transactions,
        cpu_us_per_transaction=cpu_s * 1e6 / transactions,
    )


async def _warm_up(pgbench: Process) -> Report:
    assert pgbench.stderr is not None  # noqa: S101 - it is a pipe
    said = ""
    async for line in pgbench.stderr:
        said += line.decode(errors="replace")
        if report := parse_progress(line.decode(errors="replace").strip()):
            return report
    raise BenchError(f"pgbench failed: {said.strip()[-2000:]}")
