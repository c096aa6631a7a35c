"""A fork is to what it runs what a process started anew would be."""

import os
import signal
import subprocess

import pytest

from tests.forks import Fork, run

UNREACHABLE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}


def test_it_has_the_words_and_the_environment_it_was_given_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUS", "pigeons")
    assert "Follow the outbox" in run(["notifier", "--help"], env={}).stdout
    assert "BUS" not in run(["notifier"], env=UNREACHABLE).stderr
    done = run(["notifier"], env=UNREACHABLE | {"BUS": "hawks"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "BUS: Input should be 'postgres', 'local' or 'nats'\n"


def test_each_begins_anew() -> None:
    assert [run(["wallet_db", "--nonsense"]).returncode for _ in range(2)] == [2, 2]
    said = {run(["wallet_db", "--help"]).stdout for _ in range(2)}
    assert len(said) == 1
    assert said.pop().startswith("usage: python -m wallet_db ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_end_is_told(number: signal.Signals) -> None:
    with Fork(["pollers", "simulator"], env={"SIM_PORT": "0"}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("simulator: ")
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        os.kill(process.pid, number)
        assert process.wait(20) == -number
    assert process.poll() == -number
