"""A nats-server of a test's own, on a free port of loopback: to be killed, stopped and started again there."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system import STOP_S, free_port, wait_until


class NatsServer:
    """Whoever makes one calls `start`, and `kill` in the end."""

    def __init__(self, program: str, directory: Path, configuration: str) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        file = directory / "nats.conf"
        file.write_text(f'listen: "127.0.0.1:{self.port}"\n{configuration}\n', encoding="utf-8")
        self._command = [program, "-c", str(file)]

    def start(self) -> None:
        """Returns once it listens."""
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(self._command, stdout=output, stderr=output)

        def listens() -> bool:
            assert process.poll() is None, f"nats-server ended with {process.returncode}:\n{self._log.read_text()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(listens, "nats-server listens")

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For the block it does nothing, while its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # the last of its threads
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def nats_server(configuration: str = "") -> Iterator[NatsServer]:
    """A running one, with further lines of its configuration.

    Where there is no nats-server the test is skipped, in CI it fails.
    """
    program = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("nats-server is missing")
        pytest.skip("nats-server is not installed")
    with tempfile.TemporaryDirectory(prefix="onesms-nats-") as directory:
        server = NatsServer(program, Path(directory), configuration)
        try:
            server.start()
            yield server
        finally:
            server.kill()
