"""`python -m bench loss` as it is run: everything broken once, a control that must be found, nothing left behind."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.loss.schedule import FAULTS
from tests.forks import Fork, run
from tests.system import wait_until

RUN_S = 240.0
CLEAN = "0 lost, 0 doubled, 0 reordered, 0 altered, 0 misplaced, 0 reset"


def loss(*words: str) -> tuple[int, str]:
    """Its exit status, and what it printed."""
    done = run(["bench", "loss", *words], timeout=RUN_S)
    print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it
    return done.returncode, done.stdout


def test_nothing_is_lost_whatever_breaks() -> None:
    """About 15 s: each kind of fault once."""
    seconds, every_s = 10, 0.55
    status, said = loss(
        *f"--seed 7 --users 12 --connections 24 --seconds {seconds} --fault-every {every_s} --rate 200".split()
    )
    assert status == 0
    assert said.rstrip().endswith(CLEAN)
    delivered = re.search(r"events\s+([\d,]+) delivered and checked against ([\d,]+) rows", said)
    assert delivered
    assert all(int(count.replace(",", "")) > 500 for count in delivered.groups())
    faults = re.search(r"faults\s+(\d+): (.*)", said)
    assert faults
    assert int(faults[1]) >= len(FAULTS) - 3  # one that finds its server gone is not counted
    assert int(re.findall(r"resumes\s+([\d,]+) by cursor", said)[0].replace(",", "")) > 0


@pytest.mark.parametrize("control", ["lost", "altered"])
def test_a_spoiled_event_is_found_and_named(control: str) -> None:
    status, said = loss(*f"--seed 3 --users 3 --seconds 1 --faults none --control {control}".split())
    assert status == 1
    assert f"1 {control}" in said
    assert re.search(rf"^{control}: user [0-9a-f-]{{36}}, client .*, seq \d+: ", said, re.MULTILINE)
    assert re.search(r"^again: python -m bench loss --seed 3 ", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--users 2 --connections 7", "expected 1 to 3 connections for each of 2 users, got 7 in all"),
        ("--faults gateway,luck", "expected some of gateway, leave,"),
        ("--seconds 0", "expected 1 to 3600, got '0'"),
    ],
)
def test_wrong_usage_is_told(words: str, complaint: str) -> None:
    done = run(["bench", "loss", *words.split()])
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(number: signal.Signals) -> None:
    # A short path, for a Unix socket's name is short.
    with tempfile.TemporaryDirectory(prefix="onesms-test-") as directory, running(directory) as checker:

        def started() -> list[psutil.Process]:
            """The server, which is nobody's child, by its directory; the others by their parent."""
            return [
                process
                for process in psutil.process_iter(["cmdline", "ppid"])
                if process.info["ppid"] == checker.pid or directory in " ".join(process.info["cmdline"] or [])
            ]

        wait_until(lambda: len(started()) == 5, "two gateways, two followers and a server run")
        processes = started()
        checker.send_signal(number)
        assert checker.wait(30) == 128 + number
        _, alive = psutil.wait_procs(processes, timeout=5)
        assert not alive
        assert not list(Path(directory).glob("onesms-*"))


@contextmanager
def running(directory: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A long run, with its files below the directory."""
    words = ["bench", "loss", "--seconds", "60", "--users", "3", "--faults", "none"]
    environment = {"TMPDIR": directory, "PATH": os.environ["PATH"]}
    process = Fork(words, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
