"""The house inspects itself: the arrows between packages, the purity of their cores, tables against documents."""

import ast
import re
from pathlib import Path

import pytest

from gateway.errors import STATUS_BY_CODE
from gateway.realtime.close_codes import CLOSE_CODES
from gateway.settings import GatewaySettings
from notifier.settings import NotifierSettings
from pollers.providers.contract import AlreadyBought, ProviderError, UnknownOrder
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings
from wallet_db.errors import BY_SQLSTATE

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "notifier", "wallet_db", "pollers")

ARROWS = {
    "wallet_db": set(),
    "notifier": {"wallet_db"},
    "gateway": {"notifier", "wallet_db"},
    "pollers": {"notifier", "wallet_db"},
}

# Values in, values out: no socket, no clock, no environment.
PURE = (
    "gateway/api/admin/explained.py",
    "gateway/api/admin/shapes.py",
    "gateway/api/cards/images.py",
    "gateway/api/cards/notice.py",
    "gateway/api/cards/shapes.py",
    "gateway/api/openapi.py",
    "gateway/api/rate_limits.py",
    "gateway/api/shapes.py",
    "gateway/auth/credentials.py",
    "gateway/auth/keys.py",
    "gateway/auth/revoked.py",
    "gateway/auth/session.py",
    "gateway/auth/webhook_signature.py",
    "gateway/cards/seldom.py",
    "gateway/errors.py",
    "gateway/realtime/close_codes.py",
    "gateway/realtime/cursor.py",
    "gateway/realtime/frames.py",
    "gateway/realtime/messages.py",
    "gateway/realtime/wheel.py",
    "notifier/event.py",
    "notifier/missing.py",
    "notifier/stream.py",
    "pollers/adoption.py",
    "pollers/alert_text.py",
    "pollers/books.py",
    "pollers/breaker.py",
    "pollers/cards/comparison.py",
    "pollers/cards/contract.py",
    "pollers/cards/evidence.py",
    "pollers/cards/rules.py",
    "pollers/cards/schedule.py",
    "pollers/cards/strowallet/answers.py",
    "pollers/cards/strowallet/protocol.py",
    "pollers/cards/thresholds.py",
    "pollers/limiter.py",
    "pollers/routing.py",
    "pollers/rental_adoption.py",
    "pollers/rental_schedule.py",
    "pollers/schedule.py",
    "pollers/smtp_url.py",
    "pollers/providers/answer.py",
    "pollers/providers/contract.py",
    "pollers/providers/fivesim/lists.py",
    "pollers/providers/fivesim/protocol.py",
    "pollers/providers/fivesim/refusals.py",
    "pollers/providers/herosms/protocol.py",
    "pollers/providers/sms_activate/price_list.py",
    "pollers/providers/sms_activate/protocol.py",
    "pollers/providers/sms_activate/refusals.py",
    "pollers/providers/sms_activate/rent_protocol.py",
    "pollers/simulator/fivesim.py",
    "pollers/simulator/fivesim_account.py",
    "pollers/simulator/fivesim_names.py",
    "pollers/simulator/fivesim_shelf.py",
    "pollers/simulator/limits.py",
    "pollers/simulator/herosms.py",
    "pollers/simulator/record.py",
    "pollers/simulator/rentals.py",
    "pollers/simulator/request.py",
    "pollers/simulator/routes.py",
    "pollers/simulator/said.py",
    "pollers/simulator/scenarios.py",
    "pollers/simulator/shelf.py",
    "pollers/simulator/sms_activate.py",
    "pollers/simulator/sms_activate_rents.py",
    "pollers/simulator/state.py",
    "pollers/simulator/strowallet.py",
    "pollers/simulator/strowallet_account.py",
    "pollers/simulator/strowallet_record.py",
    "pollers/simulator/strowallet_webhooks.py",
    "pollers/simulator/till.py",
    "wallet_db/analyze/figures.py",
    "wallet_db/analyze/findings.py",
    "wallet_db/analyze/page.py",
    "wallet_db/analyze/plots.py",
    "wallet_db/analyze/terminal.py",
    "wallet_db/import_cards/history.py",
    "wallet_db/import_cards/rows.py",
    "wallet_db/card_numbers.py",
    "wallet_db/log_lines.py",
    "wallet_db/stress/intents.py",
    "wallet_db/stress/ledger.py",
)
IMPURE_MODULES = {
    "asyncio", "asyncpg", "httpx", "os", "random", "secrets", "select", "socket", "ssl", "starlette", "subprocess",
    "threading", "time", "urllib.request", "uvicorn", "uvloop",
}  # fmt: skip
CLOCK_CALLS = re.compile(r"\b(datetime|date)\.(now|utcnow|today)\(")


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_downwards(package: str) -> None:
    seen = set()
    for path in (ROOT / package).rglob("*.py"):
        seen |= {name.split(".")[0] for name in imports_of(path)} & set(PACKAGES)
    assert seen - {package} <= ARROWS[package]


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_touch_no_socket_clock_or_environment(module: str) -> None:
    path = ROOT / module
    impure = {name for name in imports_of(path) if name in IMPURE_MODULES or name.split(".")[0] in IMPURE_MODULES}
    # Chance may be passed in as a random.Random; the module's own functions would be hidden state.
    assert not impure - {"random"}
    assert "import random" not in path.read_text(encoding="utf-8")
    assert not CLOCK_CALLS.search(path.read_text(encoding="utf-8"))


def test_static_talks_to_the_gateway_over_the_wire_only() -> None:
    for path in (ROOT / "static").rglob("*.js"):
        for source in re.findall(r"""\bfrom\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)""", path.read_text("utf-8")):
            target = source[0] or source[1]
            assert target.startswith(("./", "../")), f"{path.name} imports {target}"
            assert (path.parent / target).resolve().is_relative_to(ROOT / "static")


def test_readme_lists_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    variables = {
        name.upper()
        for settings in (GatewaySettings, NotifierSettings, PollerSettings)
        for name in settings.model_fields
    } | {f"SIM_{name.upper()}" for name in SimulatorSettings.model_fields}
    missing = sorted(variable for variable in variables if f"`{variable}`" not in readme)
    assert not missing


def test_every_refusal_of_the_database_has_a_status() -> None:
    assert {refusal.code for refusal in BY_SQLSTATE.values()} <= STATUS_BY_CODE.keys()


def test_close_codes_say_by_their_range_whether_to_reconnect() -> None:
    assert len({code.code for code in CLOSE_CODES}) == len(CLOSE_CODES)
    assert all(code.code in (1011, 1012) or 4000 <= code.code < 5000 for code in CLOSE_CODES)


def test_close_codes_of_client_and_documents_are_the_gateways() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for code in CLOSE_CODES:
        assert f"| {code.code} | `{code.name}` |" in architecture


def test_the_page_has_words_for_whatever_an_order_ends_with() -> None:
    by_sql = {"NO_SMS", "ENDED", "LATE_SMS", "SERVED_BEFORE", "REFUNDED_BY_OPERATOR"}
    met_within = {UnknownOrder.error_code, AlreadyBought.error_code}  # and dealt with: no order ends so
    by_provider = {fault.error_code for fault in errors_below(ProviderError)} - met_within
    texts = (ROOT / "static/ui/texts_en.js").read_text(encoding="utf-8")
    known = set(re.findall(r"^  'error\.([A-Z_]+)':", texts, re.MULTILINE))
    assert by_sql | by_provider <= known


def errors_below(error: type[ProviderError]) -> set[type[ProviderError]]:
    return {error for child in error.__subclasses__() for error in {child, *errors_below(child)}}


def test_files_are_small_rooms() -> None:
    large = {
        str(path.relative_to(ROOT)): lines
        for folder in (*PACKAGES, "static", "deploy")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".sql", ".css"}
        and path.name != "schema.sql"  # written by a program
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not large
