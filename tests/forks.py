"""`python -m <module>` as processes of their own, without the second of CPU that each takes to import what it runs.

    with Fork(["gateway"], env={...}, stdout=PIPE) as process:      # a subprocess.Popen in all but its start
    done = run(["wallet_db", "check"], env={...})                   # as subprocess.run: text, all of it captured

A process that has imported ours waits. For each that is asked for it forks once; the fork is given its files, directory
and environment, and runs the module from its first line. So what is tried is real but for the interpreter's own start;
the tests of `make run` and of what an installation holds do without this.

Invariant: the one that waits imports and does nothing else of ours, so a fork finds nothing but modules. It ends with
the process that started it; forks do not, as children would not.
"""

import atexit
import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "notifier", "pollers", "wallet_db", "bench")
REQUEST_BYTES_MAX = 1 << 18
NUMBER_BYTES = 32
RUN_S = 60.0


class Fork(subprocess.Popen[Any]):
    """A process that runs a module. Its exit status is told by the one that forked it, whose child it is."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: Any = subprocess.DEVNULL,
        stdout: Any = None,
        stderr: Any = None,
        text: bool = False,
    ) -> None:
        """words: the module and its arguments. env: all of its environment. The others as Popen's, which has more."""
        command = [sys.executable, "-m", *words]
        super().__init__(command, env=env, stdin=stdin, stdout=stdout, stderr=stderr, text=text, cwd=ROOT)

    def _execute_child(self, args: Any, *others: Any) -> None:
        # As Popen hands them over: …, directory and environment, …, and the ends of the pipes or files, -1 for none.
        cwd, env, *_, ends = *others[4:6], others[9:15]
        files = [own if end == -1 else end for own, end in enumerate((ends[0], ends[3], ends[5]))]
        request = json.dumps({"words": args[2:], "cwd": str(cwd), "env": dict(env)}).encode()
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(_forking(), [request], [theirs.fileno(), *files])
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]
        self.pid = int(self._told.recv(NUMBER_BYTES))
        self._child_created = True

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        try:
            status = int(self._told.recv(NUMBER_BYTES, socket.MSG_DONTWAIT if wait_flags else 0))
        except BlockingIOError:
            return 0, 0
        self._told.close()
        return self.pid, status


def run(
    words: Sequence[str], *, env: Mapping[str, str] = os.environ, text: str | None = None, timeout: float = RUN_S
) -> subprocess.CompletedProcess[str]:
    """The module with its arguments, to its end. text: what it reads. timeout: seconds, then TimeoutExpired."""
    pipe = subprocess.PIPE
    with Fork(
        words, env=env, stdin=pipe if text else subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            output, errors = process.communicate(text, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@cache
def _forking() -> socket.socket:
    """To the process that waits, started by the first who asks."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs, cwd=ROOT)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- the process that waits


def main() -> None:
    """Returns when who started it has ended. In a fork it is the module that was asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the forks
    for package in PACKAGES:
        import_module(f"{package}.__main__")
        del sys.modules[f"{package}.__main__"]  # a fork's own, which it runs
    gc.collect()
    gc.freeze()  # else a fork's first collection writes to, and so copies, every page
    request = _serve(socket.socket(fileno=os.dup(0)))
    if request is not None:
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        tempfile.tempdir = None  # some import may have looked for it
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)
        sys.argv[1:] = request["words"][1:]
        runpy.run_module(request["words"][0], run_name="__main__", alter_sys=True)


def _serve(requests: socket.socket) -> Any:
    """Fork for each request; in the fork, return it. None: who asked has ended."""
    awaited: dict[int, socket.socket] = {}
    woken, waking = socket.socketpair()
    for end in (woken, waking):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    _tell(awaited)
                    continue
                request, files, *_ = socket.recv_fds(requests, REQUEST_BYTES_MAX, 4)
                if not request:
                    return None
                asking = socket.socket(fileno=files[0])
                signal.signal(signal.SIGINT, signal.default_int_handler)
                if pid := os.fork():
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    asking.send(b"%d" % pid)
                    awaited[pid] = asking
                    for file in files[1:]:
                        os.close(file)
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, file in enumerate(files[1:]):
                    os.dup2(file, number)
                    os.close(file)
                for connection in (requests, woken, waking, asking, *awaited.values()):
                    connection.close()
                return json.loads(request)


def _tell(awaited: dict[int, socket.socket]) -> None:
    """Whoever started one that has ended, its status."""
    while awaited:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with awaited.pop(pid) as asking, contextlib.suppress(OSError):  # who asked may be gone
            asking.send(b"%d" % status)


if __name__ == "__main__":
    main()
