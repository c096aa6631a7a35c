"""What bends the simulator: routes, limits and scenarios without a clock, then their control routes over real HTTP."""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from statistics import median, quantiles
from typing import Any, get_args

import httpx
import pytest

from pollers.simulator import SimulatorSettings, running
from pollers.simulator.catalogue import COUNTRIES, SERVICES, price_of, stock_of
from pollers.simulator.clock import AHEAD_S_MAX, Clock
from pollers.simulator.limits import FIVESIM_KEY, HEROSMS, OWN_LIMITS, RateLimit, RateLimiter
from pollers.simulator.routes import Routes, Terms
from pollers.simulator.scenarios import SCENARIOS, ScenarioName
from pollers.simulator.simulation import FIRST_IDS, Simulation, new_simulation
from pollers.simulator.state import SimulatedAccount
from pollers.simulator.till import Refusal, Timing

T0 = 1_700_000_000.0
WA, TG = SERVICES["wa"], SERVICES["tg"]
INDONESIA, USA = COUNTRIES[6], COUNTRIES[187]
SALES = 4_000


def new_account(routes: Routes | None = None, seed: int = 42) -> SimulatedAccount:
    account = SimulatedAccount(Timing(early_cancel_s=0), Random(seed))
    account.routes = routes or Routes()
    return account


# --- routes


def test_calm_is_the_course_a_seed_had_before_there_were_routes() -> None:
    """Drawn by the simulator as it was: whoever fixed a seed sees the same numbers, delays and codes."""
    account = new_account(SCENARIOS["calm"].routes("sms_activate"))
    course = []
    for service, country in (("wa", 6), ("tg", 0), ("none", 16), ("ot", 187)):
        order = account.buy(service, country, T0)
        delay_s = None if order.sms_at is None else round(order.sms_at - T0, 3)
        account.look(order.id, T0 + 20)
        course.append((order.id, order.phone, order.price, delay_s, [sms.code for sms in order.messages]))
    assert course == [
        (685822412, "6281203356886", Decimal("0.52"), 8.191, ["334053"]),
        (685822416, "79198847493", Decimal("1.32"), 3.717, ["191161"]),
        (685822425, "447756629388", Decimal("0.15"), None, []),
        (685822426, "12131571945", Decimal("0.27"), 4.53, ["731262"]),
    ]


def test_routes_without_terms_are_the_catalogues() -> None:
    routes, random = Routes(), Random(1)
    untouched = random.getstate()
    for service in SERVICES.values():
        for country in COUNTRIES.values():
            assert routes.price(service, country) == price_of(service, country)
            assert routes.stock(service, country) == stock_of(service, country)
            assert routes.draw_success(service, country, random)
            assert routes.draw_delay_s(service, country, random) is None
    assert not routes.draw_cancel_denied(random)
    assert random.getstate() == untouched


def test_narrower_terms_count_more_field_by_field() -> None:
    routes = Routes()
    routes.put((None, None), Terms(price=Decimal("9.00"), success=0.1, delay_median_s=1, stock=1))
    routes.put((None, 6), Terms(success=0.2, delay_median_s=2, stock=2))
    routes.put(("wa", None), Terms(success=0.3, delay_median_s=3))
    routes.put(("wa", 6), Terms(success=0.4))
    assert routes.terms(WA, INDONESIA) == Terms(Decimal("9.00"), None, 2, 0.4, 3)
    assert routes.terms(WA, USA) == Terms(Decimal("9.00"), None, 1, 0.3, 3)
    assert routes.terms(TG, INDONESIA) == Terms(Decimal("9.00"), None, 2, 0.2, 2)
    assert routes.put(("wa", 6), Terms(delay_median_s=5)) == Terms(success=0.4, delay_median_s=5)
    routes.clear()
    assert routes.terms(WA, INDONESIA) == Terms()


def test_price_is_given_or_a_factor_of_the_catalogues() -> None:
    routes = Routes({(None, None): Terms(price_factor=Decimal("1.5")), ("tg", None): Terms(price=Decimal("0.07"))})
    assert routes.price(WA, INDONESIA) == Decimal("0.78")
    assert routes.price(TG, INDONESIA) == Decimal("0.07")
    assert Routes({(None, None): Terms(price_factor=Decimal("0.001"))}).price(WA, INDONESIA) == Decimal("0.01")
    account = new_account(routes)
    assert account.buy("wa", 6, T0).price == Decimal("0.78")
    with pytest.raises(Refusal, match=r"WRONG_MAX_PRICE:0\.78"):
        account.buy("wa", 6, T0, max_price=Decimal("0.77"))


def test_stock_is_sold_out_by_purchases_and_filled_by_new_terms() -> None:
    account = new_account(Routes({(None, 6): Terms(stock=2)}))
    for _ in range(2):
        account.buy("wa", 6, T0)
    with pytest.raises(Refusal, match="NO_NUMBERS"):
        account.buy("wa", 6, T0)
    account.buy("tg", 6, T0)  # a stock for each service
    account.routes.put(("wa", 6), Terms(stock=1))
    account.buy("wa", 6, T0)
    assert account.routes.stock(WA, INDONESIA) == 0
    assert account.routes.stock(TG, INDONESIA) == 1


def test_success_is_the_share_of_numbers_that_get_an_sms() -> None:
    account = new_account(Routes({("wa", None): Terms(success=0.3), ("tg", None): Terms(success=0)}))
    got = sum(account.buy("wa", 6, T0).sms_at is not None for _ in range(SALES))
    assert got / SALES == pytest.approx(0.3, abs=0.03)
    assert all(account.buy("tg", 6, T0).sms_at is None for _ in range(100))


def test_delays_have_the_median_and_the_tail_they_are_given() -> None:
    account = new_account(Routes({(None, None): Terms(delay_median_s=20, delay_p90_s=60)}))
    delays = [(account.buy("wa", 6, T0).sms_at or 0) - T0 for _ in range(SALES)]
    assert median(delays) == pytest.approx(20, rel=0.08)
    assert quantiles(delays, n=10)[-1] == pytest.approx(60, rel=0.1)
    steady = new_account(Routes({(None, None): Terms(delay_median_s=7)}))
    assert {(steady.buy("wa", 6, T0).sms_at or 0) - T0 for _ in range(9)} == {7}


def test_timely_cancels_are_denied_at_the_given_rate() -> None:
    account = new_account(Routes(cancel_denied=0.25))
    denied = 0
    for _ in range(SALES):
        order = account.buy("none", 6, T0)
        try:
            account.set_status(order.id, 8, T0)
        except Refusal:
            denied += 1
    assert denied / SALES == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("name", get_args(ScenarioName))
def test_same_seed_same_course_in_every_scenario(name: ScenarioName) -> None:
    def course() -> list[Any]:
        simulation = new_simulation(SimulatorSettings(seed=7, scenario=name))
        bought = [simulation.accounts[provider].buy("wa", 6, T0) for provider in FIRST_IDS for _ in range(20)]
        return [*bought, *(simulation.draw_fault("getBalance", buys=False) for _ in range(200))]

    assert course() == course()


def test_scenarios_speak_of_the_providers_played() -> None:
    assert SCENARIOS.keys() == set(get_args(ScenarioName))
    for scenario in SCENARIOS.values():
        assert scenario.terms.keys() <= FIRST_IDS.keys()
        assert scenario.limits.keys() <= OWN_LIMITS.keys()
        for terms in scenario.terms.values():
            assert all(service in {None, *SERVICES} and country in {None, *COUNTRIES} for service, country in terms)


def test_mixed_has_no_provider_that_is_best_everywhere() -> None:
    best: Counter[str] = Counter()
    for service in (WA, TG):
        for country in (INDONESIA, USA):
            routes = {name: SCENARIOS["mixed"].routes(name) for name in FIRST_IDS}
            success = {name: table.success(service, country) or 0 for name, table in routes.items()}
            best[max(success, key=lambda name: success[name])] += 1
            assert len({table.price(service, country) for table in routes.values()}) == len(FIRST_IDS)
    assert len(best) > 1


def test_nasty_disturbs_at_its_rates_and_loses_purchases() -> None:
    nasty, random = SCENARIOS["nasty"], Random(3)

    def drawn(*, buys: bool) -> Counter[str]:
        return Counter(
            fault.fault if (fault := nasty.draw_fault(buys=buys, random=random)) else "none" for _ in range(SALES)
        )

    looks, purchases = drawn(buys=False), drawn(buys=True)
    for disturbance in nasty.disturbances:
        assert looks[disturbance.fault] or disturbance.purchases_only
    assert looks["none"] / SALES == pytest.approx(0.855, abs=0.03)
    assert purchases["drop_answer"] > 3 * looks["drop_answer"]
    assert SCENARIOS["calm"].draw_fault(buys=True, random=random) is None


# --- limits


def admitted(limiter: RateLimiter, now: float, requests: int) -> int:
    return sum(limiter.admit(now) for _ in range(requests))


def test_limit_admits_its_number_in_every_second() -> None:
    limiter = RateLimiter(RateLimit(3))
    assert [admitted(limiter, T0 + second, 5) for second in (0, 0.9, 1, 1.5, 7)] == [3, 0, 3, 0, 3]


def test_one_too_many_brings_a_block_of_fixed_length() -> None:
    limiter = RateLimiter(RateLimit(3, block_s=10))
    assert admitted(limiter, T0, 5) == 3
    assert admitted(limiter, T0 + 9.9, 5) == 0
    assert admitted(limiter, T0 + 10, 2) == 2


def test_seconds_beyond_the_limit_add_up_to_a_ban() -> None:
    limiter = RateLimiter(RateLimit(1, hits_max=3, hits_window_s=100, ban_s=600))
    assert [admitted(limiter, T0 + second, 9) for second in (0, 50, 101, 102)] == [1, 1, 1, 1]  # the first is forgotten
    assert admitted(limiter, T0 + 103, 1) == 0
    assert admitted(limiter, T0 + 701.9, 1) == 0
    assert admitted(limiter, T0 + 702, 1) == 1


def test_ban_wipes_the_slate() -> None:
    limiter = RateLimiter(RateLimit(1, hits_max=2, hits_window_s=1000, ban_s=10))
    assert [admitted(limiter, T0 + second, 9) for second in (0, 1, 2, 11)] == [1, 1, 0, 1]
    assert admitted(limiter, T0 + 12, 9) == 1  # one too many again, but no ban for it
    assert admitted(limiter, T0 + 13, 1) == 0


def test_limits_are_the_providers_own() -> None:
    assert (HEROSMS.per_s, HEROSMS.http_status, HEROSMS.block_s) == (50, 429, 10)
    assert (FIVESIM_KEY.per_s, FIVESIM_KEY.hits_max, FIVESIM_KEY.ban_s) == (100, 5, 600)


# --- the clock


def test_clock_goes_forward_only() -> None:
    clock = Clock()
    before = clock.now()
    clock.forward(3_600)
    assert 3_600 <= clock.now() - before < 3_660
    for seconds in (-1, AHEAD_S_MAX, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected 0 to"):
            clock.forward(seconds)


# --- over HTTP

CLASSIC, HERO = "/stubs/handler_api.php", "/hero/stubs/handler_api.php"
BEARER = {"Authorization": "Bearer demo"}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    settings = SimulatorSettings(port=0, sms_delay_s=30, lifetime_s=1200, seed=1)
    with running(settings) as base_url, httpx.Client(base_url=base_url, headers={"User-Agent": "a test"}) as client:
        yield client


def classic(http: httpx.Client, action: str, url: str = CLASSIC, **params: str) -> httpx.Response:
    return http.get(url, params={"api_key": "demo", "action": action, **params})


def bend(http: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = http.post(f"/sim/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until_refused(ask: Callable[[], httpx.Response]) -> tuple[int, httpx.Response]:
    """Ask until a limit of one request a second refuses, which takes two in the same second; how many got through."""
    for got_through in range(200):
        if (answer := ask()).status_code != 200:
            return got_through, answer
    raise AssertionError("expected two of 200 requests within one second")


def test_routes_are_set_by_control_for_one_provider(http: httpx.Client) -> None:
    said = {"provider": "fivesim", "service": "wa", "price": "3.21", "success": 0.5, "stock": 4}
    [route] = bend(http, "routes", said)["routes"]
    assert route == {"country": None, "price_factor": None, "delay_median_s": None, "delay_p90_s": None, **said}
    assert http.get("/sim/routes").json() == {"scenario": "calm", "routes": [route]}
    prices = http.get("/v1/guest/prices", params={"country": "indonesia", "product": "whatsapp"}).json()
    assert prices["indonesia"]["whatsapp"]["virtual4"] == {"cost": 3.21, "count": 2, "rate": 50.0}
    assert classic(http, "getPrices", service="wa", country="6").json()["6"]["wa"]["cost"] == 0.52
    http.delete("/sim/routes")
    assert http.get("/sim/routes").json()["routes"] == []


def test_routes_are_set_for_all_providers_at_once(http: httpx.Client) -> None:
    routes = bend(http, "routes", {"stock": 0})["routes"]
    assert [route["provider"] for route in routes] == list(FIRST_IDS)
    assert classic(http, "getNumber", service="wa", country="6").text == "NO_NUMBERS"
    assert "NO_NUMBERS" in classic(http, "getNumber", HERO, service="wa", country="6").text
    assert http.get("/v1/user/buy/activation/indonesia/any/whatsapp", headers=BEARER).text == "no free phones"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("routes", {"provider": "nobody"}, 404),
        ("routes", {"service": "nope"}, 404),
        ("routes", {"country": 999}, 404),
        ("routes", {"success": 1.5}, 400),
        ("routes", {"price": "-1"}, 400),
        ("limits", {"provider": "nobody"}, 400),
        ("limits", {"provider": "fivesim", "per_s": -1}, 400),
        ("time", {"forward_s": -1}, 400),
        ("time", {"forward_s": 1e12}, 400),
        ("time", {}, 400),
    ],
)
def test_wrong_bending_is_refused(http: httpx.Client, path: str, body: object, status: int) -> None:
    answer = http.post(f"/sim/{path}", json=body)
    assert answer.status_code == status
    assert answer.json().keys() == {"success", "error_code", "message"}


def test_time_moves_forward_for_all_providers(http: httpx.Client) -> None:
    classic_id = classic(http, "getNumber", service="wa", country="6").text.split(":")[1]
    five_id = http.get("/v1/user/buy/activation/indonesia/any/whatsapp", headers=BEARER).json()["id"]
    assert bend(http, "time", {"forward_s": 31})["ahead_s"] == 31
    assert classic(http, "getStatus", id=classic_id).text.startswith("STATUS_OK")
    assert http.get(f"/v1/user/check/{five_id}", headers=BEARER).json()["sms"]
    bend(http, "time", {"forward_s": 1200})
    assert classic(http, "getActiveActivations").text == "NO_ACTIVATIONS"
    assert http.get(f"/v1/user/check/{five_id}", headers=BEARER).json()["status"] == "FINISHED"


def test_limits_are_off_until_they_are_set_and_off_again(http: httpx.Client) -> None:
    def balances() -> list[int]:
        return [classic(http, "getBalance").status_code for _ in range(3)]

    assert balances() == [200, 200, 200]
    limit = bend(http, "limits", {"provider": "sms_activate", "per_s": 1, "block_s": 1e3})
    assert (limit["per_s"], limit["block_s"]) == (1, 1e3)
    assert until_refused(lambda: classic(http, "getBalance"))[1].status_code == 429
    assert balances() == [429, 429, 429]
    bend(http, "time", {"forward_s": 1001})
    assert balances()[0] == 200
    bend(http, "limits", {"provider": "sms_activate", "per_s": 0})
    assert balances() == [200, 200, 200]


def test_five_sim_limits_a_key_and_an_address(http: httpx.Client) -> None:
    def beyond(path: str) -> tuple[int, str]:
        _, refused = until_refused(lambda: http.get(path, headers=BEARER))
        return refused.status_code, refused.text

    bend(http, "limits", {"provider": "fivesim", "per_s": 1})
    assert beyond("/v1/user/profile") == (429, "api limit is 100 requests per second")
    bend(http, "limits", {"provider": "fivesim", "per_s": 0})
    bend(http, "limits", {"provider": "fivesim_address", "per_s": 1})
    assert beyond("/v1/guest/countries") == (503, "ip address limit is 100 requests per second")


def test_request_beyond_the_limit_buys_nothing(http: httpx.Client) -> None:
    bend(http, "limits", {"provider": "fivesim", "per_s": 1, "block_s": 1e4})
    path = "/v1/user/buy/activation/indonesia/any/whatsapp"
    bought, _ = until_refused(lambda: http.get(path, headers=BEARER))
    assert len(http.get("/sim/activations").json()["activations"]) == bought


def test_nasty_is_nasty_until_it_is_called_off() -> None:
    settings = SimulatorSettings(port=0, seed=5, scenario="nasty")
    with running(settings) as base_url, httpx.Client(base_url=base_url, timeout=30) as http:
        assert http.get("/sim/routes").json()["scenario"] == "nasty"
        seen: Counter[str] = Counter()
        for _ in range(60):
            try:
                seen[str(classic(http, "getBalance").status_code)] += 1
            except httpx.TransportError:
                seen["cut"] += 1
            if len(seen) > 2:
                break
        assert len(seen) > 2
        http.delete("/sim/scenario")
        bend(http, "limits", {"provider": "sms_activate", "per_s": 0})
        assert {classic(http, "getBalance").status_code for _ in range(60)} == {200}


def test_scenario_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIM_SCENARIO", raising=False)
    assert SimulatorSettings().scenario == "calm"
    monkeypatch.setenv("SIM_SCENARIO", "mixed")
    simulation: Simulation = new_simulation(SimulatorSettings())
    assert simulation.account.routes.success(WA, INDONESIA) == 0.62
