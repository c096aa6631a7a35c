"""The simulator: its rules of orders and money without a clock, then its two faces over real HTTP."""

import json
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from pollers.simulator import SimulatorSettings, running
from pollers.simulator.catalogue import COUNTRIES, SERVICES, price_of
from pollers.simulator.sms_activate import respond
from pollers.simulator.state import OrderState, Refusal, SimulatedAccount, Timing

T0 = 1_700_000_000.0
FUNDS = Decimal("100.00")


def seeded(seed: int) -> Random:
    return Random(seed)


def new_account(*, sms_delay_s: float = 5, early_cancel_s: float = 120, lifetime_s: float = 1200) -> SimulatedAccount:
    return SimulatedAccount(Timing(sms_delay_s, early_cancel_s, lifetime_s), seeded(1), FUNDS)


def say(account: SimulatedAccount, now: float, action: str, **params: object) -> Any:
    return respond(account, {"api_key": "demo", "action": action} | {k: str(v) for k, v in params.items()}, now)


# --- orders in time


def test_sms_arrives_when_its_time_has_come() -> None:
    account = new_account(sms_delay_s=5)
    order = account.buy("wa", 6, T0)
    assert account.look(order.id, T0 + 4.9).state is OrderState.WAITING
    assert account.look(order.id, T0 + 9).state is OrderState.RECEIVED
    [sms] = order.messages
    assert sms.at == T0 + 5
    assert len(sms.code) == 6
    assert sms.code in sms.text


def test_drawn_delay_lies_between_three_and_ten_seconds() -> None:
    account = SimulatedAccount(Timing(), seeded(7))
    delays = [(account.buy("ot", 6, T0).sms_at or 0) - T0 for _ in range(200)]
    assert 3 <= min(delays) < 4
    assert 9 < max(delays) <= 10


def test_same_seed_same_course() -> None:
    first, second = (SimulatedAccount(Timing(), seeded(42)) for _ in range(2))
    assert [first.buy("wa", 6, T0) for _ in range(5)] == [second.buy("wa", 6, T0) for _ in range(5)]


def test_number_without_sms_ends_cancelled_and_is_paid_back() -> None:
    account = new_account(lifetime_s=1200)
    order = account.buy("none", 6, T0)
    assert account.balance == FUNDS - order.price
    assert account.look(order.id, T0 + 1199).state is OrderState.WAITING
    assert account.look(order.id, T0 + 1200).state is OrderState.CANCELLED
    assert account.balance == FUNDS


def test_number_with_sms_ends_completed_even_if_nobody_looked() -> None:
    account = new_account(sms_delay_s=5, lifetime_s=1200)
    order = account.buy("wa", 6, T0)
    assert account.look(order.id, T0 + 5000).state is OrderState.COMPLETED
    assert len(order.messages) == 1
    assert account.balance == FUNDS - order.price


def test_an_sms_for_a_number_given_back_opens_it_again_and_is_paid_for() -> None:
    account = new_account(lifetime_s=1200)
    order = account.buy("none", 6, T0)
    with pytest.raises(Refusal, match="BAD_STATUS"):
        account.deliver_late(order.id, T0 + 1)
    assert account.look(order.id, T0 + 1200).state is OrderState.CANCELLED
    account.deliver_late(order.id, T0 + 1300, "777", "It is 777")
    assert account.active(T0 + 1300) == [order]
    assert (order.state, account.balance) == (OrderState.RECEIVED, FUNDS - order.price)
    with pytest.raises(Refusal, match="BAD_STATUS"):
        account.deliver_late(order.id, T0 + 1301)
    assert account.look(order.id, T0 + 5000).state is OrderState.COMPLETED
    assert account.balance == FUNDS - order.price


def test_cancel_waits_for_the_first_two_minutes() -> None:
    account = new_account(early_cancel_s=120)
    order = account.buy("none", 6, T0)
    with pytest.raises(Refusal, match="EARLY_CANCEL_DENIED"):
        account.set_status(order.id, 8, T0 + 119)
    assert account.set_status(order.id, 8, T0 + 120) == "ACCESS_CANCEL"
    assert account.balance == FUNDS


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ([1, 1], ["ACCESS_READY", "BAD_STATUS"]),
        ([1, 8, 8], ["ACCESS_READY", "ACCESS_CANCEL", "BAD_STATUS"]),
        ([8, 6], ["ACCESS_CANCEL", "BAD_STATUS"]),
        ([3], ["BAD_STATUS"]),
        ([6], ["BAD_STATUS"]),
        ([2], ["BAD_STATUS"]),
        (["sms", 8], ["BAD_STATUS"]),
        (["sms", 1], ["BAD_STATUS"]),
        (["sms", 6, 6, 8], ["ACCESS_ACTIVATION", "BAD_STATUS", "BAD_STATUS"]),
        (["sms", 3, 6], ["ACCESS_RETRY_GET", "ACCESS_ACTIVATION"]),
        (["sms", 3, "sms", 6], ["ACCESS_RETRY_GET", "ACCESS_ACTIVATION"]),
        (["sms", 3, 8], ["ACCESS_RETRY_GET", "BAD_STATUS"]),
    ],
    ids=lambda value: ",".join(map(str, value)),
)
def test_transitions_are_those_of_the_documentation(path: list[int | str], words: list[str]) -> None:
    account = new_account(sms_delay_s=1e6, early_cancel_s=0)
    order = account.buy("wa", 6, T0)
    said = []
    for step in path:
        if isinstance(step, int):
            said.append(say(account, T0, "setStatus", id=order.id, status=step))
        else:
            account.deliver(order.id, T0)
    assert said == words


class Money(RuleBasedStateMachine):
    """Whatever happens in whatever order: the funds and the prices of what was not cancelled are what was paid in."""

    bought = Bundle("bought")

    @initialize()
    def begin(self) -> None:
        self.now = T0
        self.account = new_account(sms_delay_s=30, early_cancel_s=20, lifetime_s=100)

    @rule(target=bought, service=st.sampled_from(["wa", "none", "tg"]), country=st.sampled_from([0, 6, 43]))
    def buy(self, service: str, country: int) -> int:
        try:
            return self.account.buy(service, country, self.now).id
        except Refusal as refusal:
            assert refusal.word == "NO_BALANCE"  # noqa: PT017
            return 0

    @rule(id_=bought, status=st.sampled_from([1, 3, 6, 8]))
    def set_status(self, id_: int, status: int) -> None:
        say(self.account, self.now, "setStatus", id=id_, status=status)

    @rule(id_=bought)
    def look(self, id_: int) -> None:
        say(self.account, self.now, "getStatusV2", id=id_)

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        orders = list(self.account.orders(self.now))
        spent = sum(order.price for order in orders if order.state is not OrderState.CANCELLED)
        assert self.account.balance + spent == FUNDS
        assert all(order.messages for order in orders if order.state is OrderState.COMPLETED)


TestMoney = Money.TestCase


# --- the dialect


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"service": "nope", "country": 6}, "BAD_SERVICE"),
        ({"country": 6}, "BAD_SERVICE"),
        ({"service": "wa", "country": 9999}, "BAD_COUNTRY"),
        ({"service": "wa", "country": "x"}, "BAD_COUNTRY"),
        ({"service": "dry", "country": 6}, "NO_NUMBERS"),
        ({"service": "wa", "country": 6, "maxPrice": "0.51"}, "WRONG_MAX_PRICE:0.52"),
    ],
)
@pytest.mark.parametrize("action", ["getNumber", "getNumberV2"])
def test_purchase_is_refused_with_the_documented_word(action: str, params: dict[str, object], said: str) -> None:
    account = new_account()
    assert say(account, T0, action, **params) == said
    assert account.balance == FUNDS


def test_purchase_has_the_documented_form() -> None:
    account = new_account()
    assert say(account, T0, "getNumber", service="wa", country=6).split(":")[0] == "ACCESS_NUMBER"
    bought = say(account, T0, "getNumberV2", service="wa", country=6, maxPrice="0.52", orderId="mine")
    assert bought.keys() == {
        "activationId",
        "phoneNumber",
        "activationCost",
        "currency",
        "countryCode",
        "canGetAnotherSms",
        "activationTime",
        "activationOperator",
    }
    assert bought["activationTime"] == "2023-11-14 22:13:20"
    assert bought["activationCost"] == 0.52
    assert say(account, T0, "getNumberV2", service="wa", country=6, orderId="mine") == "ORDER_ALREADY_EXISTS"
    assert account.balance == FUNDS - 2 * Decimal("0.52")


def test_status_speaks_both_versions() -> None:
    account = new_account(sms_delay_s=5, early_cancel_s=0)
    order = account.buy("tg", 6, T0)
    assert say(account, T0, "getStatus", id=order.id) == "STATUS_WAIT_CODE"
    assert say(account, T0, "getStatusV2", id=order.id) == {"verificationType": 0, "sms": None}
    later = T0 + 5
    [sms] = account.look(order.id, later).messages
    assert say(account, later, "getStatus", id=order.id) == f"STATUS_OK:{sms.code}"
    assert say(account, later, "getStatusV2", id=order.id)["sms"] == {
        "dateTime": "2023-11-14 22:13:25",
        "code": sms.code,
        "text": sms.text,
    }
    say(account, later, "setStatus", id=order.id, status=3)
    assert say(account, later, "getStatus", id=order.id) == f"STATUS_WAIT_RETRY:{sms.code}"
    say(account, later, "setStatus", id=order.id, status=6)
    assert say(account, later, "getStatus", id=order.id) == "STATUS_CANCEL"
    assert say(account, later, "getStatusV2", id=order.id) == "STATUS_CANCEL"


@pytest.mark.parametrize(
    ("action", "params", "said"),
    [
        ("getStatus", {"id": 1}, "NO_ACTIVATION"),
        ("getStatus", {"id": "x"}, "NO_ACTIVATION"),
        ("getStatusV2", {}, "NO_ACTIVATION"),
        ("setStatus", {"id": 1, "status": 8}, "NO_ACTIVATION"),
        ("setStatus", {"id": "x", "status": 8}, "WRONG_ACTIVATION_ID"),
        ("getActiveActivations", {}, "NO_ACTIVATIONS"),
        ("getBalance", {}, "ACCESS_BALANCE:100.00"),
        ("getPrices", {"service": "nope"}, {}),
        ("getTopCountriesByService", {"service": "nope"}, "BAD_SERVICE"),
        ("getNothing", {}, "BAD_ACTION"),
        ("", {}, "BAD_ACTION"),
    ],
)
def test_action_answers_in_the_documented_words(action: str, params: dict[str, object], said: object) -> None:
    assert say(new_account(), T0, action, **params) == said


def test_key_comes_before_everything() -> None:
    assert respond(new_account(), {"api_key": "wrong", "action": "getNothing"}, T0) == "BAD_KEY"
    assert respond(new_account(), {}, T0) == "BAD_KEY"


def test_catalogue_is_told_in_the_documented_forms() -> None:
    account = new_account()
    assert say(account, T0, "getPrices", service="wa", country=6)["6"]["wa"].keys() == {
        "cost",
        "count",
        "physicalCount",
    }
    assert say(account, T0, "getPrices").keys() == {str(country) for country in COUNTRIES}
    assert say(account, T0, "getNumbersStatus", country=6).keys() == SERVICES.keys()
    assert say(account, T0, "getNumbersStatus", country=6)["dry"] == 0
    assert say(account, T0, "getCountries")["6"]["eng"] == "Indonesia"
    assert {"code": "wa", "name": "WhatsApp"} in say(account, T0, "getServicesList")["services"]
    counts = [row["count"] for row in say(account, T0, "getTopCountriesByService", service="wa").values()]
    assert counts == sorted(counts, reverse=True)


def test_prices_are_whole_cents() -> None:
    for service in SERVICES.values():
        for country in COUNTRIES.values():
            assert price_of(service, country).as_tuple().exponent == -2
            assert price_of(service, country) > 0


# --- over HTTP


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, lifetime_s=1e7)
    with running(settings) as base_url, httpx.Client(base_url=base_url) as client:
        yield client


URL = "/stubs/handler_api.php"
BALANCE = {"api_key": "demo", "action": "getBalance"}


@pytest.mark.parametrize(
    ("method", "where"), [("GET", {"params": BALANCE}), ("POST", {"params": BALANCE}), ("POST", {"data": BALANCE})]
)
def test_parameters_come_by_query_or_by_form(http: httpx.Client, method: str, where: dict[str, Any]) -> None:
    answer = http.request(method, URL, **where)
    assert answer.status_code == 200
    assert answer.text.startswith("ACCESS_BALANCE:")
    assert answer.headers["content-type"].startswith("text/plain")


def test_form_counts_before_query(http: httpx.Client) -> None:
    answer = http.post(URL, params={**BALANCE, "action": "getCountries"}, data={"action": "getBalance"})
    assert answer.text.startswith("ACCESS_BALANCE:")


def test_objects_are_json(http: httpx.Client) -> None:
    answer = http.get(URL, params={"api_key": "demo", "action": "getServicesList"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["status"] == "success"


@pytest.mark.parametrize("form", ["a" * 100_000, "&".join(["a=1"] * 200)])
def test_absurd_form_is_refused(http: httpx.Client, form: str) -> None:
    answer = http.post(URL, content=form, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


def buy(http: httpx.Client, **params: str) -> dict[str, Any]:
    purchase = {"api_key": "demo", "action": "getNumberV2", "service": "wa", "country": "6", **params}
    bought = http.get(URL, params=purchase).json()
    assert isinstance(bought, dict)
    return bought


def test_sms_is_delivered_on_order(http: httpx.Client) -> None:
    id_ = buy(http)["activationId"]
    shown = http.post(f"/sim/activations/{id_}/sms", json={"code": "777", "text": "It is 777"}).json()
    assert shown["state"] == "received"
    status = http.get(URL, params={"api_key": "demo", "action": "getStatusV2", "id": id_}).json()
    assert (status["sms"]["code"], status["sms"]["text"]) == ("777", "It is 777")
    assert shown in http.get("/sim/activations").json()["activations"]


def test_sms_for_nobody_is_refused(http: httpx.Client) -> None:
    answer = http.post("/sim/activations/1/sms")
    assert answer.status_code == 404
    assert answer.json() == {"success": False, "error_code": "NO_ACTIVATION", "message": "order 1 takes no SMS"}


def test_log_tells_requests_without_keys(http: httpx.Client) -> None:
    buy(http, orderId="logged")
    newest = http.get("/sim/log").json()["requests"][-1]
    assert newest["action"] == "getNumberV2"
    assert newest["params"]["orderId"] == "logged"
    assert "demo" not in json.dumps(newest)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"action": "*", "fault": "earthquake"}),
        ("faults", {}),
        ("faults", {"fault": "html", "count": 0}),
        ("settings", {"sms_delay_s": -1}),
        ("settings", {"colour": "red"}),
        ("activations/1/sms", []),
        ("activations/1/sms", {"code": 5}),
    ],
)
def test_wrong_control_request_is_refused(http: httpx.Client, path: str, body: object) -> None:
    answer = http.post(f"/sim/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"


def test_settings_change_only_what_is_given(http: httpx.Client) -> None:
    before = http.post("/sim/settings", json={}).json()
    assert http.post("/sim/settings", json={"early_cancel_s": 3}).json() == {**before, "early_cancel_s": 3.0}
    assert http.post("/sim/settings", json={"sms_delay_s": None}).json()["sms_delay_s"] is None
    http.post("/sim/settings", json={"sms_delay_s": 1e6, "early_cancel_s": before["early_cancel_s"]})


def test_fault_meets_its_action_as_often_as_armed(http: httpx.Client) -> None:
    http.post("/sim/faults", json={"action": "getBalance", "fault": "http_500", "count": 2})
    assert http.get(URL, params={**BALANCE, "action": "getServicesList"}).status_code == 200
    assert [http.get(URL, params=BALANCE).status_code for _ in range(3)] == [500, 500, 200]


def test_faults_can_be_cleared(http: httpx.Client) -> None:
    http.post("/sim/faults", json={"fault": "rate_limit", "count": 9})
    assert http.get(URL, params=BALANCE).status_code == 429
    http.delete("/sim/faults")
    assert http.get(URL, params=BALANCE).status_code == 200


def test_dropped_answer_closes_and_reset_resets(http: httpx.Client) -> None:
    http.post("/sim/faults", json={"fault": "drop_answer"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        buy(http, orderId="dropped")
    http.post("/sim/faults", json={"fault": "connection_reset"})
    with pytest.raises(httpx.ReadError):
        buy(http, orderId="reset")
    bought = {row["order_id"] for row in http.get("/sim/activations").json()["activations"]}
    assert "dropped" in bought
    assert "reset" not in bought


def test_slow_answer_comes_in_the_end(http: httpx.Client) -> None:
    http.post("/sim/faults", json={"fault": "slow", "delay_s": 0.05})
    assert http.get(URL, params=BALANCE).text.startswith("ACCESS_BALANCE:")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "SMS_DELAY_S", "EARLY_CANCEL_S", "LIFETIME_S", "SEED", "STATE_FILE"):
        monkeypatch.delenv(f"SIM_{name}", raising=False)
    assert SimulatorSettings() == SimulatorSettings(port=8001, sms_delay_s=None, early_cancel_s=120, lifetime_s=1200)
    monkeypatch.setenv("SIM_SMS_DELAY_S", "0.5")
    monkeypatch.setenv("SIM_SEED", "3")
    assert (SimulatorSettings().sms_delay_s, SimulatorSettings().seed) == (0.5, 3)
