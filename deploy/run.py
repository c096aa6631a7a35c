"""`make run`: the whole system on one machine, in the foreground, until Ctrl-C.

Settings are checked and ports tried first, so that what is wrong is one clear line and nothing has been started. Then:
PostgreSQL (the embedded one unless DATABASE_URL names another), migrations, every process of the Procfile, in the demo
also the provider simulator. If one process ends, all are stopped: half a system is none. What was started is stopped.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager

from gateway.server import PortTaken, listen
from gateway.settings import GatewaySettings
from notifier.settings import NotifierSettings
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings
from wallet_db.connect import DatabaseUnavailable, database
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError, migrate
from wallet_db.settings import check, load

PROCFILE = Path(__file__).resolve().parent.parent / "Procfile"
UP_WITHIN_S = 60
STOPPED_BY_USER = {130, 143}


def main() -> int:
    """The exit status: 0 stopped by the user, 1 something could not start or died, 2 wrong settings."""
    check(GatewaySettings, NotifierSettings, PollerSettings, SimulatorSettings)
    gateway, pollers = load(GatewaySettings), load(PollerSettings)
    simulating = gateway.demo and pollers.sms_activate_url is None
    try:
        listen(gateway).close()
        if simulating:
            listen(gateway.model_copy(update={"host": "127.0.0.1", "port": pollers.sim_port}), "SIM_PORT").close()
        with database(gateway) as url:
            asyncio.run(migrate(url))
            return _run_processes(url, gateway, simulating=simulating)
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run_processes(url: str, gateway: GatewaySettings, *, simulating: bool) -> int:
    environment = {**os.environ, "DATABASE_URL": url, "DEMO": "1" if gateway.demo else "0", "PYTHONUNBUFFERED": "1"}
    # The Procfile says `python`: the one that runs this.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    processes = dict(parse_procfile(PROCFILE.read_text(encoding="utf-8")).processes)
    if simulating:
        processes["simulator"] = "python -m pollers simulator"
    manager = Manager()
    for name, command in processes.items():
        manager.add_process(name, f"exec {command}", env=environment, cwd=str(PROCFILE.parent))
    address = f"http://{gateway.host}:{gateway.port}"
    threading.Thread(target=_say_when_up, args=(address,), kwargs={"demo": gateway.demo}, daemon=True).start()
    # A terminal that is closed stops it like Ctrl-C does.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    status: int = manager.returncode or 0
    return 0 if status in STOPPED_BY_USER else status


def _say_when_up(address: str, *, demo: bool) -> None:
    """One line for people, when there is something to see."""
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()  # noqa: S310 - our own address
            what = "   demo, with a simulated provider" if demo else ""
            print(f"\n  OneSMS is up: {address}{what}   Ctrl-C stops it\n", flush=True)
            return
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
