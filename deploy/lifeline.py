"""What ends everything that `make run` has started when `make run` itself is killed and cannot: a process beside it.

    run ──pipe──► watch      each fork of run writes its pid and closes its end
     │ killed, or ended: the pipe closes
     └──────────► watch      SIGTERM to what the forks have started, SIGKILL to who is left, the embedded PostgreSQL

Invariant: ended are only the forks that were announced and their descendants, each known by pid and birth, so a pid
given away since is nobody's; and the embedded PostgreSQL only if no other process uses it. After an orderly end there
is nobody left, and nothing is done. Where `make` was killed instead, `ends_with_parent` makes that an orderly end.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from wallet_db.embedded import EmbeddedPostgres, EmbeddedPostgresError

STOP_WITHIN_S = 12.0
PARENT_POLL_S = 0.5


@contextmanager
def lifeline(data_dir: Path | None) -> Iterator[None]:
    """While the block runs, forks of this process do not outlive it. data_dir: of the embedded PostgreSQL, if any."""
    reading, writing = os.pipe()
    held = [writing]

    def announce() -> None:
        # In the fork: it must not keep the pipe open, or nobody would hear of our end. Its own forks hold nothing.
        while held:
            with contextlib.suppress(OSError):
                os.write(held[-1], b"%d\n" % os.getpid())
            os.close(held.pop())

    command = [sys.executable, "-m", "deploy.lifeline", *([str(data_dir)] if data_dir else [])]
    # A session of its own: Ctrl-C is for run, which then ends in order.
    root = Path(__file__).resolve().parent.parent
    watch = subprocess.Popen(command, stdin=reading, start_new_session=True, cwd=root)  # noqa: S603 - our own
    os.close(reading)
    os.register_at_fork(after_in_child=announce)
    try:
        yield
    finally:
        if held:  # else this is a fork
            os.close(held.pop())
            watch.wait()


def ends_with_parent() -> None:
    """Have this process end, as by SIGTERM, when the one that started it does."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            done.wait(PARENT_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)

    done = threading.Event()
    threading.Thread(target=watch, name="parent", daemon=True).start()


def watch_forks(announced: int, data_dir: Path | None) -> None:
    """Until the pipe closes; then end what is left. announced: the pipe's end to read from."""
    forks = []
    with os.fdopen(announced, "rb") as pipe:
        for line in pipe:
            with contextlib.suppress(psutil.NoSuchProcess):
                forks.append(psutil.Process(int(line)))
    end_families(forks)
    if data_dir is not None:
        with contextlib.suppress(EmbeddedPostgresError):
            EmbeddedPostgres(data_dir).end_if_unused()


def end_families(forks: list[psutil.Process]) -> None:
    """End these processes and what they have started: in order as far as they do, and within STOP_WITHIN_S."""
    started = []
    for fork in forks:
        with contextlib.suppress(psutil.NoSuchProcess):
            if fork.is_running():
                started += fork.children(recursive=True)
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(started, timeout=STOP_WITHIN_S)
    for process in [*left, *forks]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()  # which looks whether it still is the one that was born then
    psutil.wait_procs([*left, *forks], timeout=STOP_WITHIN_S)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch_forks(sys.stdin.fileno(), Path(sys.argv[1]) if len(sys.argv) > 1 else None)
