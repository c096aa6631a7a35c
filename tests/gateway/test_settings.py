"""The gateway's settings: what is wrong is one clear line, and the demo's secret is one for all its processes."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.server import listen
from gateway.settings import GatewaySettings
from notifier.listening import PortTaken
from tests.system import ROOT, free_port
from wallet_db.settings import load

SECRET = "a-secret-for-tests-of-more-than-32-bytes"
PROCESSES = 5


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*GatewaySettings.model_fields, "DATABASE_URL"):
        monkeypatch.delenv(name.upper(), raising=False)


def faults(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `load` says before it ends the process."""
    with pytest.raises(SystemExit) as end:
        load(GatewaySettings)
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()


def test_secret_must_be_given_outside_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = faults(capsys)
    assert line.startswith("JWT_SECRET: expected ")


@pytest.mark.parametrize("secret", ["short", "x" * 31])
def test_short_secret_is_refused_and_not_shown(
    secret: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", secret)
    monkeypatch.setenv("DEMO", "1")
    [line] = faults(capsys)
    assert line.startswith("JWT_SECRET: expected at least 32 bytes")
    assert secret not in line


def test_secret_is_measured_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "ß" * 16)
    assert load(GatewaySettings).jwt_key() == "ß" * 16


@pytest.mark.parametrize("source", ["/no/such/file", "ftp://issuer.example/jwks", "issuer.example"])
def test_key_set_that_is_neither_a_file_nor_an_address_is_refused(
    source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setenv("JWT_JWKS", source)
    assert faults(capsys) == ["JWT_JWKS: expected an address (https://…) or the path of a file"]


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://issuer.example/jwks.json", True),
        ("http://127.0.0.1:9000/jwks.json", True),
        ("http://[::1]/jwks.json", True),
        ("http://localhost/jwks.json", True),
        ("http://issuer.example/jwks.json", False),
        ("http://10.0.0.7/jwks.json", False),
        ("http://localhost.evil.example/jwks.json", False),
        ("http://127.0.0.1@evil.example/jwks.json", False),
        ("http:///jwks.json", False),
        ("http://[::1/jwks.json", False),
    ],
)
def test_keys_come_over_no_wire_that_anybody_may_write_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str, is_taken: bool
) -> None:
    monkeypatch.setenv("JWT_JWKS", address)
    if is_taken:
        assert load(GatewaySettings).jwt_jwks == address
    else:
        [fault] = faults(capsys)
        assert fault.startswith("JWT_JWKS: expected https://…, or http:// of this machine")


def test_all_faults_are_told_together(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"PORT": "70000", "HEARTBEAT_S": "never", "BUFFER_BYTES_MAX": "1", "ORDER_WAIT_S": "-1", "BUS": "carrier"}
    monkeypatch.setenv("JWT_SECRET", SECRET)
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    assert {line.partition(":")[0] for line in faults(capsys)} == wrong.keys()


def test_secret_is_not_shown_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    assert SECRET not in repr(load(GatewaySettings))


def test_process_without_a_secret_ends_with_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_demo_secret_is_the_same_for_processes_that_start_together(tmp_path: Path) -> None:
    program = "from gateway.settings import GatewaySettings; print(GatewaySettings().jwt_key(), end='')"
    data_dir = tmp_path / "data"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DEMO": "1", "DATA_DIR": str(data_dir)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    keys = {process.communicate(timeout=30)[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert [path.name for path in data_dir.iterdir()] == ["jwt_secret"]
    assert stat.S_IMODE((data_dir / "jwt_secret").stat().st_mode) == 0o600


def test_demo_secret_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO", "1")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert load(GatewaySettings).jwt_key() == load(GatewaySettings).jwt_key()


def test_a_port_is_shared_only_by_those_who_say_so() -> None:
    shared = GatewaySettings(demo=True, port=free_port(), port_shared=True)
    with listen(shared) as first, listen(shared) as second:
        assert first.getsockname() == second.getsockname()
        with pytest.raises(PortTaken, match="PORT: cannot listen on"):
            listen(GatewaySettings(demo=True, port=shared.port))
