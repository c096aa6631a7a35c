"""The embedded server: the first user starts it, the last one stops it, a killed one does not count."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import execute
from wallet_db.embedded import EmbeddedPostgres, EmbeddedPostgresError

USER = """
import sys
from pathlib import Path
from wallet_db.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
print("using", flush=True)
sys.stdin.read()
"""


def answers(url: str) -> bool:
    try:
        asyncio.run(execute(url, "select 1"))
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def test_the_last_user_stops_it_and_it_starts_again_with_its_data(tmp_path: Path) -> None:
    first, second = EmbeddedPostgres(tmp_path), EmbeddedPostgres(tmp_path)
    url = first.start()
    try:
        assert second.start() == url
        asyncio.run(execute(url, "create table kept ()"))
        first.stop()
        assert answers(url)
    finally:
        first.stop()
        second.stop()
    assert not answers(url)
    second.start()
    try:
        asyncio.run(execute(url, "select from kept"))
    finally:
        second.stop()
    assert not answers(url)


def test_a_user_that_was_killed_does_not_keep_it_running(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"using\n"
        other.kill()
    embedded = EmbeddedPostgres(tmp_path)
    url = embedded.start()
    try:
        assert answers(url)
    finally:
        embedded.stop()
    assert not answers(url)


def test_the_pid_of_a_server_that_died_with_its_machine_is_nobody_elses(tmp_path: Path) -> None:
    embedded = EmbeddedPostgres(tmp_path)
    embedded.start()
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    found = pid_file.read_text()
    embedded.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as somebody:
        pid_file.write_text(found.replace(found.split("\n", 1)[0], str(somebody.pid), 1))
        url = embedded.start()
        assert answers(url)
        embedded.stop()
        assert somebody.poll() is None
        somebody.kill()
    assert not answers(url)


def test_a_data_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="did not start"):
        EmbeddedPostgres(tmp_path / "data").start()
