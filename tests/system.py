"""The system as it is run: real processes on ports of their own, for tests that look at it from outside.

    with running_system(database_url, pollers=True) as system:
        system.url, system.gateway, system.token(user_id), system.simulator_url, ...

Each process writes into a file, so nobody has to empty a pipe and a test can look back at all that was said. The tests
end what they start: by SIGTERM, to which a process must answer with status 0, or by `kill()`. A traceback in any output
fails the test, unless `Process.tolerates` says which lines may carry one.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from gateway.auth import Authenticator
from pollers.simulator import SimulatorSettings
from pollers.simulator import running as running_simulator
from tests.forks import Fork

ROOT = Path(__file__).resolve().parent.parent
JWT_SECRET = "a-secret-for-tests-of-more-than-32-bytes"
CARD_KEYS = "k1:dGhlIGtleSBvZiB0ZXN0cywgdGhpcnR5LXR3byBieXQ="
START_S = 60.0
STOP_S = 20.0
LOOK_S = 0.02
TLS = ssl.create_default_context()
"""For httpx clients: nothing here speaks TLS, but each would spend longer on making one than on its requests."""
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")  # and no setting of whoever runs the tests


def free_port() -> int:
    """A TCP port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = START_S) -> None:
    """For what can only be asked, not waited for. Raises AssertionError, saying `what` did not become true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"expected within {within_s} s: {what}"
        time.sleep(LOOK_S)


class Process:
    """`python -m <module>`, started by the constructor. Whoever makes one calls `stop` or `kill`, then `close`."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self.module = module
        self.tolerates: tuple[str, ...] = ()
        """Lines of the log with one of these texts may carry a traceback."""
        self._told = False
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment = {**inherited, "PYTHONUNBUFFERED": "1", **environment}
        self._process = Fork([module], env=environment, stdout=self._file, stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """All it has said so far, on stdout and stderr."""
        # The child writes at the offset that this file object shares with it: read without moving it.
        return os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size, 0).decode("utf-8", "replace")

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait_until_it(self, says: str, *, within_s: float = START_S) -> None:
        """Return when its output has the text."""

        def said() -> bool:
            found = says in self.output
            assert found or self.status is None, f"{self.module} ended with {self.status}:\n{self.output}"
            return found

        wait_until(said, f"{self.module} says {says!r}", within_s=within_s)

    def wait(self, *, within_s: float = STOP_S) -> int:
        """Its exit status, once it has ended. Kills it and raises AssertionError if it takes longer."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"expected {self.module} to end within {within_s} s; it said:\n{self.output}"
            ) from None

    def terminate(self) -> None:
        """SIGTERM, once: what a supervisor sends. Does not wait."""
        if not self._told:
            self._told = True
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL: it does nothing more. Returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM unless it has ended; fails the test unless it ends in order: soon, with 0, without a traceback."""
        self.terminate()
        status = self.wait()
        assert status in (0, -signal.SIGKILL), f"{self.module} ended with {status}:\n{self.output}"
        faults = [line for line in self.output.splitlines() if "Traceback" in line]
        untold = [line for line in faults if not any(text in line for text in self.tolerates)]
        assert not untold, f"{self.module} said:\n{self.output}"

    def close(self) -> None:
        """Forget its output; kills it if it still runs."""
        if self.status is None:
            self.kill()
        self._file.close()


def wait_until_ready(url: str, gateway: Process) -> None:
    """Return when `/readyz` answers 200."""
    with httpx.Client(base_url=url, timeout=START_S, verify=TLS) as client:

        def ready() -> bool:
            assert gateway.status is None, f"the gateway ended with {gateway.status}:\n{gateway.output}"
            try:
                return client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, f"{url}/readyz answers 200")


class System:
    """Processes that share one database, and how to reach them."""

    def __init__(self, database_url: str, environment: Mapping[str, str], simulator_url: str | None) -> None:
        self.database_url = database_url
        self.simulator_url = simulator_url
        """The provider's address; None without pollers."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[Process] = []
        """All ever started, those that have ended too."""
        self._environment = {
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "JWT_SECRET": JWT_SECRET,
            "CARD_KEYS": CARD_KEYS,
            "DEMO": "1",
            **(_accounts(simulator_url) if simulator_url else {}),
            **environment,
        }
        self.bus = self._environment.get("BUS", "postgres")
        self._authenticator = Authenticator(self._environment["JWT_SECRET"])
        self.notifier = self.start("notifier")
        self.gateway = self.start("gateway")
        self.pollers = self.start("pollers") if simulator_url else None

    def start(self, module: str, **environment: str) -> Process:
        """One more process of the system, with further settings."""
        process = Process(module, {**self._environment, **environment})
        self.processes.append(process)
        return process

    def restart_gateway(self) -> None:
        """Another gateway on the same port, after the former one has ended; returns when it is ready."""
        self.gateway = self.start("gateway")
        self.wait_until_ready()

    def restart_notifier(self) -> None:
        """Another notifier; returns when it follows the outbox."""
        self.notifier = self.start("notifier")
        self.notifier.wait_until_it("follower.leads")

    def start_gateway(self, **environment: str) -> str:
        """A further gateway, with settings of its own; its URL, once it is ready."""
        port = free_port()
        gateway = self.start("gateway", PORT=str(port), **environment)
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, gateway)
        return url

    def wait_until_ready(self) -> None:
        """Return when the gateway may be given work."""
        wait_until_ready(self.url, self.gateway)

    def token(self, user_id: UUID | str | None = None, *, lifetime_s: float = 3600) -> str:
        """A valid token of this user, or of a new one."""
        return self._authenticator.issue(UUID(str(user_id)) if user_id else uuid4(), lifetime_s=lifetime_s)

    def sign_in(self, name: str | None = None, credit: str = "36.00") -> tuple[str, str]:
        """A demo user's id and token."""
        answer = httpx.post(
            f"{self.url}/demo/sessions", json={"name": name, "credit": credit}, timeout=START_S, verify=TLS
        )
        assert answer.status_code in (200, 201), answer.text
        session = json.loads(answer.content)
        return session["user_id"], session["token"]

    def stop(self) -> None:
        """Stop all that still runs, and look through what all have said."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.stop()


def _accounts(simulator_url: str) -> dict[str, str]:
    """Of numbers and of cards."""
    return {
        "SMS_ACTIVATE_URL": simulator_url,
        "SMS_ACTIVATE_KEY": "demo",
        "STROWALLET_URL": simulator_url,
        "STROWALLET_KEY": "demo",
    }


@contextmanager
def running_system(
    database_url: str,
    *,
    pollers: bool = False,
    simulator: SimulatorSettings | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[System]:
    """Gateway and notifier, with `pollers` these too and a simulated provider; all ready when the block begins.

    simulator: its times; by default an SMS comes at once and a cancel is never too early. environment: settings for
    every process.
    """
    with ExitStack() as stack:
        provider = simulator or SimulatorSettings(port=0, sms_delay_s=0, early_cancel_s=0)
        simulator_url = stack.enter_context(running_simulator(provider)) if pollers else None
        system = System(database_url, environment or {}, simulator_url)
        for process in system.processes:
            stack.callback(process.close)
        try:
            system.wait_until_ready()
            (system.gateway if system.bus == "local" else system.notifier).wait_until_it("follower.leads")
            if system.pollers:
                system.pollers.wait_until_it("working")
            yield system
        except BaseException:
            for process in system.processes:
                print(f"--- {process.module} said:\n{process.output}")  # noqa: T201 - pytest shows it
            raise
        else:
            system.stop()
        finally:
            for process in system.processes:
                process.close()
