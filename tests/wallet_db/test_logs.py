"""Log lines: which category they are of, what they carry, and what no line ever holds."""

import ast
import asyncio
import json
import logging
import timeit
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog

from notifier.retry import DATABASE_FAULTS
from tests.conftest import database_of
from tests.forks import run
from wallet_db import logs
from wallet_db.connect import pool
from wallet_db.log_lines import BY_MODULE, CATEGORIES, WITHHELD, category_of, redacted, without_secrets
from wallet_db.settings import DatabaseSettings

ROOT = Path(logs.__file__).resolve().parents[1]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@dataclass
class Written:
    """What this process has logged, from `configure` on."""

    captured: pytest.CaptureFixture[str]
    text: str = ""

    def getvalue(self) -> str:
        self.text += self.captured.readouterr().err
        return self.text


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Afterwards logging is as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield Written(capsys)
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(written: Written) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_says_process_module_category_and_what_it_belongs_to(written: Written) -> None:
    logs.configure("pollers")
    with structlog.contextvars.bound_contextvars(request_id="r1", activation_id="a1"):
        structlog.get_logger().info("sms", outcome="received")
    structlog.get_logger().info("paid", category="money", activation_id="a1")
    structlog.get_logger().info("idle")
    [first, second, third] = lines(written)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "sms", "level": "info", "process": "pollers", "module": __name__, "category": "order",
        "request_id": "r1", "activation_id": "a1", "outcome": "received",
    }  # fmt: skip
    assert second["category"] == "money"
    assert third["category"] == "system"


def test_lines_of_libraries_come_out_the_same_way(written: Written) -> None:
    logs.configure("gateway")
    logging.getLogger("asyncio").warning("lost %s", f"https://host/?api_key=hush&token={JWT}")
    logging.getLogger("httpx").info("GET https://host/?api_key=hush")
    [line] = lines(written)
    assert (line["level"], line["module"], line["category"]) == ("warning", "asyncio", "system")
    assert "hush" not in written.getvalue()
    assert JWT not in written.getvalue()


def test_a_traceback_holds_no_secret(written: Written) -> None:
    logs.configure("gateway")
    secret = "local-hush"

    def fail() -> None:
        raise ValueError(f"no answer from postgresql://onesms:p@ss/w0rd@db:5432/onesms, sent {JWT} {secret[:0]}")

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("request failed")
    text = written.getvalue()
    assert "ValueError: no answer from postgresql://onesms:[withheld]@db:5432/onesms" in text
    for hidden in ("p@ss", "w0rd", JWT, secret):
        assert hidden not in text


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_level_and_format_are_settings(written: Written, log_format: str) -> None:
    settings = DatabaseSettings.model_validate({"log_level": "warning", "log_format": log_format})
    logs.configure("gateway", settings)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud", password="hush")
    text = written.getvalue()
    assert "quiet" not in text
    assert "hush" not in text
    assert "loud" in text
    assert text.startswith("{") == (log_format == "json")


@pytest.mark.parametrize(
    "name",
    [
        "token", "Authorization", "api_key", "code", "text", "password", "ticket", "access_token", "sms", "X-Api-Key",
        "sms_activate_key", "jwt_secret", "DB_PASSWORD", "onesms_token", "cvv", "CVC", "card_number", "last4", "pan",
        "name_on_card", "id_number",
    ],
)  # fmt: skip
def test_what_is_called_a_secret_is_withheld(name: str) -> None:
    assert redacted(name, "424242") == redacted(name, 424242) == redacted(name, ["424242"]) == WITHHELD
    assert redacted("data", {"order": {name: "424242"}, "list": [{name: 424242}]}) == {
        "order": {name: WITHHELD},
        "list": [{name: WITHHELD}],
    }


def test_what_is_too_deep_to_be_looked_through_is_withheld() -> None:
    deep: Any = "hush"
    for _ in range(10):
        deep = {"x": deep}
    assert "hush" not in json.dumps(redacted("data", deep))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"sent {JWT}.", f"sent {WITHHELD}"),
        ("GET /stubs/handler_api.php?api_key=hush&action=getBalance", f"api_key={WITHHELD}&action=getBalance"),
        ("/realtime/ws?access_token=hush", f"/realtime/ws?access_token={WITHHELD}"),
        ("/realtime/sse?ticket=hush&cursor=7", f"ticket={WITHHELD}&cursor=7"),
        ("postgresql://me:hush@host/db", f"postgresql://me:{WITHHELD}@host/db"),
        ("postgres://me:hu/s@h@host/db failed", f"postgres://me:{WITHHELD}@host/db failed"),
        ("nats://a:hush@one:4222", f"nats://a:{WITHHELD}@one:4222"),
        ("Authorization: Bearer hush-hush", WITHHELD),
        ('{"password": "hush"}', f'"password": "{WITHHELD}"'),
        ("password=hush host=db", f"password={WITHHELD} host=db"),
        ("{'code': 'hush', 'service': 'x'}", f"'code': '{WITHHELD}', 'service': 'x'"),
        ('{"password": "hush hush, and more", "n": 1}', f'"password": "{WITHHELD}", "n": 1'),
        ("secret_key=hush&x=1", f"secret_key={WITHHELD}&x=1"),
        ("client_secret: hush", f"client_secret: {WITHHELD}"),
        ("Cookie: onesms_token=hush; theme=dark", f"onesms_token={WITHHELD}; theme=dark"),
        ('{"accessToken":"hush"}', f'"accessToken":"{WITHHELD}"'),
        ("smtp://ops@here.example:hush@mail.example", f"smtp://ops@here.example:{WITHHELD}@mail.example"),
        ("nats://hush@one:4222,tls://hush@two", f"nats://{WITHHELD}@one:4222,tls://{WITHHELD}@two"),
        ("answered 'STATUS_OK:hush'", f"answered 'STATUS_OK:{WITHHELD}"),
        ("FULL_SMS:Your code is hush", f"FULL_SMS:{WITHHELD}"),
        ("ACCESS_NUMBER:77:hush", f"ACCESS_NUMBER:{WITHHELD}"),
        ('{"cvv": "hush", "status": "active"}', f'"cvv": "{WITHHELD}", "status": "active"'),
        ("cvv=hush&card_id=7", f"cvv={WITHHELD}&card_id=7"),
        ("{'card_number': 'hush'}", f"'card_number': '{WITHHELD}'"),
    ],
)
def test_what_looks_like_a_secret_is_withheld(text: str, left: str) -> None:
    told = without_secrets(text)
    assert left in told
    assert "hush" not in told
    assert JWT not in told
    assert without_secrets(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "orphan adopted",
        "listening on http://127.0.0.1:8000",
        "NO_NUMBERS: none of 3 routes sold",
        "error_code=NO_NUMBERS status_code: 503",
        "2026-01-01T12:00:00Z after 12:30:01",
        "018f4d2c-7e7a-7c3e-9a55-0d7e4c9d1a2b",
        "onesms_gateway@db",
        "monkey=7 keys: 3 tokens=2 sort_keys=True error-code: none",
        "STATUS_WAIT_CODE",
        "postgresql://onesms_gateway@db/onesms",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text
    assert redacted("error_code", text) == text
    assert redacted("status", 503) == 503
    assert redacted("done", value=True) is True
    assert redacted("nothing", None) is None


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "2223003122003222",
        "6304000000000000",
        "4222222222222",
    ],
)
def test_a_cards_number_is_withheld_wherever_it_stands(number: str) -> None:
    for text in ("{}", "card {}.", '{{"n":"{}"}}', "n={}&x=1", "x{}x", "2026-11-21 {} 123", "/api/{}/x", "{} {}"):
        told = without_secrets(text.replace("{}", number))
        assert number not in told
        assert WITHHELD in told
    plain = number.replace(" ", "").replace("-", "")
    assert redacted("n", int(plain)) == WITHHELD
    assert redacted("n", {"list": [int(plain), number]}) == {"list": [WITHHELD, WITHHELD]}
    assert plain not in str(redacted("n", ValueError(f"no card {number}")))


def test_other_digits_stay() -> None:
    for text in (
        "4111111111111112",  # its check digit is another's
        "1763757074123 ms",
        "20261121203059",
        "411111111111",
        "41111111111111111111",
        "41111111-1111-1111-1111-111111111111",
        "380501234567 380501234568",
        "2026-11-21 20:31:00",
    ):
        assert without_secrets(text) == text
    assert redacted("n", 1_763_757_074_123) == 1_763_757_074_123


def test_a_line_of_digits_eight_times_as_long_costs_no_square_of_it() -> None:
    for text in ("4 1 " * 2_000, "4" * 8_000, "411111111111111 " * 500):
        once, eight = (
            min(timeit.repeat(lambda long=long: without_secrets(long), number=1, repeat=3)) for long in (text, 8 * text)
        )
        assert eight < 32 * once  # were it the square, 64


def modules_that_log() -> list[str]:
    found = []
    for package in ("gateway", "notifier", "pollers", "wallet_db", "deploy"):
        for path in sorted((ROOT / package).rglob("*.py")):
            names = {
                node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
            }
            if "get_logger" in names:
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def test_every_category_is_one_of_the_table_and_every_entry_is_a_module_or_package() -> None:
    assert set(BY_MODULE.values()) <= set(CATEGORIES)
    for module in BY_MODULE:
        path = ROOT.joinpath(*module.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), module
    assert {category_of(module) for module in modules_that_log()} >= {"money", "order", "provider", "delivery", "auth"}


@pytest.mark.parametrize(
    ("module", "category"),
    [
        ("gateway.auth.jwks", "auth"),
        ("gateway.realtime.live", "delivery"),
        ("gateway.realtime.permits", "auth"),
        ("pollers.purchases", "order"),
        ("pollers.loop", "system"),
        ("wallet_db.embedded", "system"),
        ("asyncio", "system"),
        ("", "system"),
    ],
)
def test_a_module_without_an_entry_is_of_its_packages_category(module: str, category: str) -> None:
    assert category_of(module) == category


def test_a_real_process_writes_json_without_its_databases_password() -> None:
    environment = {"DATABASE_URL": "postgresql://u:hush-hush@127.0.0.1:9/x", "JWT_SECRET": "x" * 32, "PATH": ""}
    done = run(["notifier"], env=environment)
    assert done.returncode != 0
    assert "hush" not in done.stderr + done.stdout


def test_a_pool_whose_database_is_away_says_so_in_one_line(server_url: str, template: str, written: Written) -> None:
    """asyncpg would tell each attempt with a traceback."""
    name = f"onesms_away_{uuid.uuid4().hex[:8]}"

    async def main() -> None:
        owner = await asyncpg.connect(server_url)
        try:
            await owner.execute(f'create database "{name}" template "{template}"')
            async with pool(database_of(server_url, name), "test", connections_max=2) as connections:
                logs.configure("gateway")
                await owner.execute(f'alter database "{name}" allow_connections false')
                await owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
                async with asyncio.timeout(20):
                    while "trying again" not in written.getvalue():  # the pool tells nobody else
                        with suppress(*DATABASE_FAULTS):
                            await connections.fetchval("select 1")
                        await asyncio.sleep(0.05)
                    await asyncio.sleep(1.5)  # it has tried again
        finally:
            await owner.execute(f'drop database if exists "{name}" with (force)')
            await owner.close()

    asyncio.run(main())
    [line] = [line for line in lines(written) if line["module"] == "asyncpg.pool"]
    assert line["level"] == "warning"
    assert line["event"].startswith("the database cannot be reached, trying again: ")
    assert "not currently accepting connections" in line["event"]
    assert "Traceback" not in written.getvalue()
