"""The schema as pg_dump tells it, without what differs from dump to dump.

`make schema` writes it to `wallet_db/sql/schema.sql`, where people read it and a test compares it with a fresh database
and with a migrated one.
"""

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path

from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

COMMITTED = Path(__file__).resolve().parents[2] / "wallet_db" / "sql" / "schema.sql"
HEAD = """\
-- The schema that all migrations, functions, triggers and privileges make together, for reading and for comparing.
-- Written by `make schema`; nothing runs it, and a test fails when it is not what the migrations make.

"""
NOISE = re.compile(r"--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict ")


def dump(url: str) -> str:
    """Tables, functions, triggers and privileges of the database."""
    pg_dump = EmbeddedPostgres(Path()).bin_dir / "pg_dump"
    text = subprocess.run(
        [pg_dump, "--schema-only", "--no-owner", url], check=True, capture_output=True, text=True
    ).stdout
    lines = (
        line for line in text.splitlines() if not NOISE.match(line) and "pg_attver" not in line
    )  # of an older server
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="onesms-schema-") as directory:
        embedded = EmbeddedPostgres(Path(directory))
        try:
            url = embedded.start()
            asyncio.run(migrate(url))
            COMMITTED.write_text(HEAD + dump(url), encoding="utf-8")
        finally:
            embedded.stop()


if __name__ == "__main__":
    main()
