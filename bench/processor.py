"""What processes use of processor and memory: what is counted of servers, and never of the bench's own process."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """What these have used of the processor so far, all their threads, in seconds; one that has ended counts nothing.

    The scheduler's own count where the system has it (Linux, `/proc/PID/task/TID/schedstat`, nanoseconds): the usual
    one comes in steps of 10 ms. A thread that has ended is no longer counted; servers that are measured keep theirs.
    """
    return sum(_cpu_s(process) for process in processes)


def _cpu_s(process: psutil.Process) -> float:
    used_ns = 0
    for task in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # it has ended
            used_ns += int(task.read_text().split()[0])
    if used_ns:
        return used_ns / 1e9
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        used: float = times.user + times.system
        return used
    return 0.0


def with_children(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """These and all that they have started, as of now: a server may have begun to listen before its workers run."""
    return [each for process in processes for each in (process, *process.children(recursive=True))]


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """What these take of memory together: proportional set sizes, so that what they share counts once.

    The kernel's own (socket buffers) is in none of them, whoever the server is.
    """
    return sum(process.memory_full_info().pss for process in processes)
