"""The simulator's account outlives its process, if it is given a file: exactly, and however the process ends."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from pollers.simulator import SimulatorSettings, running
from pollers.simulator.record import from_json, to_json
from pollers.simulator.simulation import new_simulation
from pollers.simulator.state import RECORDED_ENDED_MAX, OrderState, Refusal, SimulatedAccount, Timing
from tests.forks import Fork

ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 20
T0 = 1_700_000_000.123456
URL = "/stubs/handler_api.php"


def seeded(seed: int) -> Random:
    return Random(seed)


def say(http: httpx.Client, action: str, **params: object) -> httpx.Response:
    return http.get(URL, params={"api_key": "demo", "action": action} | {k: str(v) for k, v in params.items()})


def orders(http: httpx.Client) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in http.get("/sim/activations").json()["activations"]}


@contextmanager
def simulator(state_file: Path, end: signal.Signals) -> Iterator[httpx.Client]:
    """A simulator process on this file, ended by this signal."""
    environment = {**os.environ, "SIM_PORT": "0", "SIM_SMS_DELAY_S": "0", "SIM_STATE_FILE": str(state_file)}
    with Fork(["pollers", "simulator"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().removeprefix("simulator: ").strip()
            with httpx.Client(base_url=base_url) as http:
                yield http
            process.send_signal(end)
            process.wait(WITHIN_S)
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_orders_and_funds_outlive_the_process(tmp_path: Path, end: signal.Signals) -> None:
    state_file = tmp_path / "not there yet" / "simulator.json"
    with simulator(state_file, end) as http:
        bought = say(http, "getNumberV2", service="wa", country=6, orderId="ours").json()
        never = say(http, "getNumberV2", service="none", country=6).json()
        funds = say(http, "getBalance").text
    with simulator(state_file, end) as http:
        assert say(http, "getBalance").text == funds == "ACCESS_BALANCE:9999.42"
        found = say(http, "getStatusV2", id=bought["activationId"]).json()["sms"]
        assert found["code"] in found["text"]
        assert say(http, "getStatus", id=never["activationId"]).text == "STATUS_WAIT_CODE"
        assert say(http, "getNumberV2", service="wa", country=6, orderId="ours").text == "ORDER_ALREADY_EXISTS"
        another = say(http, "getNumberV2", service="wa", country=6).json()
        assert another["activationId"] > never["activationId"]
    with simulator(state_file, end) as http:
        # Drawn at a look, and the same ever after.
        assert say(http, "getStatusV2", id=bought["activationId"]).json()["sms"] == found
        assert orders(http).keys() == {row["activationId"] for row in (bought, never, another)}
    assert [path.name for path in state_file.parent.iterdir()] == ["simulator.json"]


def test_what_control_does_is_kept(tmp_path: Path) -> None:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, state_file=tmp_path / "simulator.json")
    with running(settings) as base_url, httpx.Client(base_url=base_url) as http:
        id_ = say(http, "getNumberV2", service="wa", country=6).json()["activationId"]
        http.post(f"/sim/activations/{id_}/sms", json={"code": "777", "text": "It is 777"})
        http.post("/sim/settings", json={"balance": "12.30"})
        before = orders(http)
    with running(settings) as base_url, httpx.Client(base_url=base_url) as http:
        assert orders(http) == before
        assert say(http, "getBalance").text == "ACCESS_BALANCE:12.30"


def test_each_provider_keeps_its_own_account(tmp_path: Path) -> None:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, state_file=tmp_path / "simulator.json")
    bought = {"service": "wa", "country": 6}
    with running(settings) as base_url, httpx.Client(base_url=base_url) as http:
        say(http, "getNumberV2", **bought)
        rented = say(http, "getRentNumber", rent_time=4, **bought).json()["phone"]
        http.post(f"/sim/rentals/{rented['id']}/sms", json={"text": "kept"})
        hero = {"api_key": "demo", "action": "getNumberV2", "service": "wa", "country": "6"}
        http.get(f"/hero{URL}", params=hero)
        before = orders(http), http.get("/sim/rentals").json()
        assert [row["provider"] for row in before[0].values()] == ["sms_activate", "herosms"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["simulator.herosms.json", "simulator.json"]
    with running(settings) as base_url, httpx.Client(base_url=base_url) as http:
        assert (orders(http), http.get("/sim/rentals").json()) == before
        [message] = say(http, "getRentStatus", id=rented["id"]).json()["values"].values()
        assert message["text"] == "kept"


def test_a_record_of_former_days_has_no_rentals(tmp_path: Path) -> None:
    state_file = tmp_path / "simulator.json"
    state_file.write_bytes(changed(lambda document: document.pop("rentals")))
    simulation = new_simulation(SimulatorSettings(state_file=state_file))
    assert len(list(simulation.account.orders(T0))) == 5
    assert simulation.account.rentals.remembered() == []


def test_without_a_setting_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIM_STATE_FILE", "")
    with running(SimulatorSettings(port=0)) as base_url, httpx.Client(base_url=base_url) as http:
        say(http, "getNumberV2", service="wa", country=6)
    assert not list(tmp_path.iterdir())


# --- the record


def lived(orders_count: int) -> SimulatedAccount:
    """An account with orders in all states, at times and prices that are no round binary numbers."""
    account = SimulatedAccount(Timing(sms_delay_s=0.1, early_cancel_s=0, lifetime_s=300.7), seeded(1))
    now = T0
    for turn in range(orders_count):
        now += 1 / 3
        order = account.buy("none" if turn % 5 == 0 else "wa", 6, now, order_id=f"order {turn}" if turn % 2 else None)
        for status in ([8], [1], [3, 6], [3], [])[turn % 5]:
            now += 0.7
            account.look(order.id, now)
            try:
                account.set_status(order.id, status, now)
            except Refusal:
                assert status == 1, "its SMS was faster"
    return account


def test_a_record_is_exact() -> None:
    account = lived(100)
    record = account.record()
    assert {order.state for order in record.orders} == set(OrderState)
    raw = to_json(record)
    assert from_json(raw) == record
    later = SimulatedAccount(account.timing, seeded(2), Decimal(0))
    later.resume(from_json(raw))
    assert later.record() == record
    assert [order.id for order in later.active(T0)] == [order.id for order in account.active(T0)]


def test_a_record_holds_the_newest_of_the_ended_orders() -> None:
    account = SimulatedAccount(Timing(early_cancel_s=0), seeded(1))
    for _ in range(RECORDED_ENDED_MAX + 3):
        account.set_status(account.buy("none", 6, T0).id, 8, T0)
    still_open = account.buy("none", 6, T0)
    *ended, last = account.record().orders
    assert last is still_open
    assert ended == list(account.orders(T0))[1:][-RECORDED_ENDED_MAX:]


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(to_json(lived(5).record()))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff",
        b"[]",
        b"{}",
        to_json(lived(5).record())[:-20],
        changed(lambda document: document.pop("next_id")),
        changed(lambda document: document.update(next_id=1)),
        changed(lambda document: document.update(balance="-0.01")),
        changed(lambda document: document.update(balance="NaN")),
        changed(lambda document: document["orders"][0].update(service="nope")),
        changed(lambda document: document["orders"][0].update(country=999)),
        changed(lambda document: document["orders"][0].update(state="lost")),
        changed(lambda document: document["orders"][0].update(state="received", messages=[])),
        changed(lambda document: document["orders"].append(document["orders"][0])),
        changed(lambda document: document.update(rentals=[{}])),
    ],
)
def test_a_file_that_holds_no_account_is_told_in_one_line(
    raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state_file = tmp_path / "simulator.json"
    state_file.write_bytes(raw)
    simulation = new_simulation(SimulatorSettings(state_file=state_file))
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"simulator: SIM_STATE_FILE {state_file}: a new account begins, for it holds none: ")
    assert not list(simulation.account.orders(T0))
    order = simulation.account.buy("wa", 6, T0)
    simulation.keep()
    assert from_json(state_file.read_bytes()).orders == [order]


def test_a_file_that_cannot_be_had_is_told_and_the_simulator_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation = new_simulation(SimulatorSettings(state_file=tmp_path))
    assert capsys.readouterr().err.endswith("a new account begins, for it cannot be read: Is a directory\n")
    simulation.account.buy("wa", 6, T0)
    simulation.keep()
    assert capsys.readouterr().err.endswith("not written: Is a directory\n")
