"""`make run` as its user meets it: up with no other step, down without a trace, yesterday's data, clear refusals."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest

from tests.system import INHERITED, ROOT, free_port, wait_until

UP_WITHIN_S = 60.0
DOWN_WITHIN_S = 30.0


def environment(**settings: str) -> dict[str, str]:
    return {**{name: os.environ[name] for name in INHERITED if name in os.environ}, **settings}


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def make_run(settings: Mapping[str, str], output: int) -> Iterator[subprocess.Popen[bytes]]:
    """What the Makefile's `run` does once the environment is installed. output: a file descriptor."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.run"],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.poll() is None:  # the test has failed: leave nobody behind all the same
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()


def postmaster(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))


def is_another_than(killed: psutil.Process, data_dir: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, IndexError, psutil.NoSuchProcess):
        return postmaster(data_dir) != killed
    return False


def stop_and_find_nobody_left(process: subprocess.Popen[bytes], data_dir: Path, number: signal.Signals) -> None:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    server = postmaster(data_dir)
    process.send_signal(number)
    assert process.wait(DOWN_WITHIN_S) == 0
    _, alive = psutil.wait_procs([*family[1:], server], timeout=DOWN_WITHIN_S)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_up_down_and_up_again_with_the_same_data(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"DEMO": "1", "DATA_DIR": str(tmp_path), "PORT": str(port), "SIM_PORT": str(free_port())}
    tokens = []
    for turn, number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
        log = tmp_path / f"run-{turn}.log"
        with log.open("wb") as output, make_run(settings, output.fileno()) as process:
            wait_until(lambda: is_up(url), f"{url} is up", within_s=UP_WITHIN_S)
            wait_until(lambda log=log: f"OneSMS is up: {url}" in log.read_text(), "it says where to look")  # type: ignore[misc]
            answer = httpx.post(f"{url}/demo/sessions", json={"name": "alice", "credit": "36.00"}, timeout=10)
            assert answer.status_code == (201 if turn == 0 else 200)
            tokens.append(answer.json()["token"])
            # The token of the first run is good in the next: the demo's secret is kept.
            wallet = httpx.get(f"{url}/api/wallet", headers={"Authorization": f"Bearer {tokens[0]}"}, timeout=10)
            assert wallet.json() == {"balance": "36.00", "frozen": "0.00", "available": "36.00"}
            assert httpx.get(url, timeout=10).headers["content-type"].startswith("text/html")
            stop_and_find_nobody_left(process, tmp_path, number)
        assert "Traceback" not in log.read_text()


def test_it_stops_although_nobody_reads_what_it_says_any_more(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"DEMO": "1", "DATA_DIR": str(tmp_path), "PORT": str(port), "SIM_PORT": str(free_port())}
    reading, writing = os.pipe()
    with make_run(settings, writing) as process:
        os.close(writing)
        wait_until(lambda: is_up(url), f"{url} is up", within_s=UP_WITHIN_S)
        os.close(reading)
        stop_and_find_nobody_left(process, tmp_path, signal.SIGINT)


def test_an_embedded_postgres_that_is_killed_is_started_again(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"DEMO": "1", "DATA_DIR": str(tmp_path), "PORT": str(port), "SIM_PORT": str(free_port())}
    with (tmp_path / "run.log").open("wb") as log, make_run(settings, log.fileno()) as process:
        wait_until(lambda: is_up(url), f"{url} is up", within_s=UP_WITHIN_S)
        session = httpx.post(f"{url}/demo/sessions", json={"credit": "36.00"}, timeout=10).json()
        headers = {"Authorization": f"Bearer {session['token']}"}
        (killed := postmaster(tmp_path)).kill()
        killed.wait()
        wait_until(lambda: is_another_than(killed, tmp_path), "the database is started again", within_s=UP_WITHIN_S)
        wait_until(lambda: is_up(url), "the database is back", within_s=UP_WITHIN_S)
        order = {"service": "whatsapp", "country": "indonesia"}
        answer = httpx.post(f"{url}/api/activations", json=order, headers=headers, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        assert httpx.get(f"{url}/api/wallet", headers=headers, timeout=10).json()["frozen"] == "5.00"
        stop_and_find_nobody_left(process, tmp_path, signal.SIGINT)


def test_killed_it_leaves_nobody_behind_and_the_data_sound(tmp_path: Path) -> None:
    """Nothing of its own can run any more: who was started is ended from beside, the embedded PostgreSQL in order."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"DEMO": "1", "DATA_DIR": str(tmp_path), "PORT": str(port), "SIM_PORT": str(free_port())}
    with (tmp_path / "run.log").open("wb") as log, make_run(settings, log.fileno()) as process:
        wait_until(lambda: is_up(url), f"{url} is up", within_s=UP_WITHIN_S)
        family = psutil.Process(process.pid).children(recursive=True)
        names = " ".join(" ".join(one.cmdline()) for one in family)
        assert all(f"-m {name}" in names for name in ("gateway", "notifier", "pollers", "deploy.lifeline")), names
        server = postmaster(tmp_path)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs([*family, server], timeout=DOWN_WITHIN_S)
        assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert "database system is shut down" in (tmp_path / "postgres" / "log").read_text()


def test_it_ends_in_order_when_who_started_it_is_killed(tmp_path: Path) -> None:
    """As `make` starts it."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"DEMO": "1", "DATA_DIR": str(tmp_path), "PORT": str(port), "SIM_PORT": str(free_port())}
    command = [sys.executable, "-m", "deploy.run", "--with-parent"]
    script = f"import subprocess; subprocess.run({command!r}, stdin=subprocess.DEVNULL)"
    with (tmp_path / "run.log").open("wb") as log:
        make = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, env=environment(**settings), stdout=log, stderr=log
        )
        try:
            wait_until(lambda: is_up(url), f"{url} is up", within_s=UP_WITHIN_S)
            family = psutil.Process(make.pid).children(recursive=True)
            server = postmaster(tmp_path)
        finally:
            make.kill()
            make.wait()
        _, alive = psutil.wait_procs([*family, server], timeout=DOWN_WITHIN_S)
        assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert "Traceback" not in (tmp_path / "run.log").read_text()


def refused(**settings: str) -> tuple[int, str]:
    """Exit status and output of a start that must not succeed."""
    result = subprocess.run(
        [sys.executable, "-m", "deploy.run"],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=UP_WITHIN_S,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("variable", ["PORT", "SIM_PORT"])
def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"PORT": str(free_port()), "SIM_PORT": str(free_port()), variable: str(taken.getsockname()[1])}
        status, said = refused(DEMO="1", DATA_DIR=str(tmp_path), **ports)
    assert status == 1
    assert said.startswith(f"{variable}: cannot listen on 127.0.0.1:{ports[variable]}: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "postgres").exists()


def test_an_unreachable_database_is_one_clear_line_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://shop:s3cret@127.0.0.1:{free_port()}/onesms"
    status, said = refused(
        DEMO="1", DATA_DIR=str(tmp_path), DATABASE_URL=url, PORT=str(free_port()), SIM_PORT=str(free_port())
    )
    assert status == 1
    assert said.startswith("DATABASE_URL: no connection to PostgreSQL at 127.0.0.1:")
    assert said.count("\n") == 1
    assert "s3cret" not in said


def test_missing_settings_outside_the_demo_are_told_together(tmp_path: Path) -> None:
    status, said = refused(DEMO="0", DATA_DIR=str(tmp_path))
    assert status == 2
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "JWT_SECRET",
        "SMS_ACTIVATE_URL and SMS_ACTIVATE_KEY",
    ]
