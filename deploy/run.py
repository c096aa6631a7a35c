"""`make run`: the whole system on one machine, in the foreground, until Ctrl-C.

Settings are checked and ports tried first, so that what is wrong is one clear line and nothing has been started. Then:
PostgreSQL (the embedded one unless DATABASE_URL names another), migrations, every process of the Procfile, in the demo
also the provider simulator. An embedded PostgreSQL that dies is started again; if another process ends, all are
stopped, for half a system is none. What was started is stopped, whatever ends this: Ctrl-C, SIGTERM, a closed terminal,
and by `lifeline` when this is killed; `--with-parent`: also when whoever started it, `make`, is killed.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from deploy.lifeline import ends_with_parent, lifeline
from gateway.server import listen
from gateway.settings import GatewaySettings
from notifier.listening import PortTaken, open_port
from notifier.settings import NotifierSettings
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings
from wallet_db.connect import DatabaseUnavailable, database
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError, migrate
from wallet_db.settings import check, load

PROCFILE = Path(__file__).resolve().parent.parent / "Procfile"
WITH_PARENT = "--with-parent"
UP_WITHIN_S = 60
PORT_MAX = 65_535
STOP_WITHIN_S = 12.0
STOPPED_BY_USER = {130, 143}
OBSERVED = ("notifier", "pollers")
"""Processes that are given a port for their metrics; the gateway tells its own where it listens."""


def main() -> int:
    """The exit status: 0 stopped by the user, 1 something could not start or died, 2 wrong settings."""
    if WITH_PARENT in sys.argv[1:]:
        ends_with_parent()
    check(GatewaySettings, NotifierSettings, PollerSettings, SimulatorSettings)
    gateway, pollers = load(GatewaySettings), load(PollerSettings)
    simulating = pollers.is_simulated
    try:
        with listen(gateway):
            if simulating:
                listen(gateway.model_copy(update={"host": "127.0.0.1", "port": pollers.sim_port}), "SIM_PORT").close()
        ports = metrics_ports(gateway, spared=pollers.sim_port if simulating else 0)
        embedded_in = gateway.data_dir.resolve() if gateway.database_url is None else None
        with lifeline(embedded_in), database(gateway, kept_running=True) as url:
            asyncio.run(migrate(url))
            return _run_processes(url, gateway, ports, simulating=simulating)
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for stream in (sys.stdout, sys.stderr):  # a library may have written to either
            try:
                stream.flush()
            except OSError:
                _drop(stream)


def metrics_ports(settings: GatewaySettings, *, spared: int) -> dict[str, int]:
    """A port for each of OBSERVED: from METRICS_PORT on or, if that is not set, from the second after PORT on.

    0: none. spared: a port of somebody else's. Raises PortTaken, but not for a port that nobody has asked for: then a
    line says that nothing is told there.
    """
    is_asked_for = "metrics_port" in settings.model_fields_set
    if is_asked_for and not settings.metrics_port:
        return dict.fromkeys(OBSERVED, 0)
    first = settings.metrics_port if is_asked_for else settings.port + 2
    free = (port for port in range(first, min(first + len(OBSERVED), PORT_MAX) + 1) if port != spared)
    ports = {}
    for name, port in zip(OBSERVED, free, strict=False):
        try:
            open_port(settings.metrics_host, port, "METRICS_PORT").close()
            ports[name] = port
        except PortTaken as taken:
            if is_asked_for:
                raise
            print(f"{taken}; no metrics of the {name}", file=sys.stderr)
            ports[name] = 0
    return ports


def _run_processes(url: str, gateway: GatewaySettings, ports: Mapping[str, int], *, simulating: bool) -> int:
    environment = {**os.environ, "DATABASE_URL": url, "DEMO": "1" if gateway.demo else "0", "PYTHONUNBUFFERED": "1"}
    # The Procfile says `python`: the one that runs this.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    processes = dict(parse_procfile(PROCFILE.read_text(encoding="utf-8")).processes)
    if simulating:
        processes["simulator"] = "python -m pollers simulator"
        environment.setdefault("SIM_STATE_FILE", str(gateway.data_dir.resolve() / "simulator.json"))
        environment.setdefault("SIM_CARD_WEBHOOK_URL", f"http://127.0.0.1:{gateway.port}/webhooks/strowallet")
    output = Output()
    with Processes(Manager(Printer(output))) as manager:
        for name, command in processes.items():
            own = environment | {"METRICS_PORT": str(ports.get(name, 0))}
            manager.add_process(name, f"exec {command}", env=own, cwd=str(PROCFILE.parent))
        address = f"http://{gateway.host}:{gateway.port}"
        up = threading.Thread(target=_say_when_up, args=(address, output), kwargs={"demo": gateway.demo}, daemon=True)
        up.start()
        # A terminal that is closed stops it like Ctrl-C does.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        manager.loop()
    status: int = manager.returncode or 0
    return 0 if status in STOPPED_BY_USER else status


class Output:
    """Standard output, as long as somebody reads it: a pipe or terminal that is gone must not keep us from stopping."""

    def __init__(self) -> None:
        self._lost = False

    def isatty(self) -> bool:
        """Whether to use colours."""
        return sys.stdout.isatty()

    def write(self, text: str) -> None:
        """Write, or not."""
        if self._lost:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            self._lost = True
            _drop(sys.stdout)

    def flush(self) -> None:
        """Done by `write`."""


def _drop(stream: TextIO) -> None:
    """What the interpreter flushes at its end goes nowhere: an error there would be the exit status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Processes:
    """The manager, with nobody left behind however its loop ends."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def __enter__(self) -> Manager:
        return self._manager

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        deadline = time.monotonic() + STOP_WITHIN_S
        self._manager.terminate()
        for wrapper in multiprocessing.active_children():
            wrapper.join(max(0.0, deadline - time.monotonic()))
        if multiprocessing.active_children():
            self._manager.kill()


def _say_when_up(address: str, output: Output, *, demo: bool) -> None:
    """One line for people, when there is something to see."""
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()  # noqa: S310 - our own address
            what = "   demo, with a simulated provider" if demo else ""
            output.write(f"\n  OneSMS is up: {address}{what}   Ctrl-C stops it\n\n")
            return
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
