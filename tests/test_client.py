"""The realtime client of static/client as a package: its own tests, its types against modules, SQL and the wire."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.system import TLS, running_system

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "static" / "client"
TYPES = (CLIENT / "index.d.ts").read_text("utf-8")
NODE_S = 60


def test_the_clients_own_tests_pass_in_node() -> None:
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("Node is missing")
        pytest.skip("Node is not installed")
    command = json.loads((CLIENT / "package.json").read_text("utf-8"))["scripts"]["test"].split()
    run = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=NODE_S, check=False)
    passed = re.search(r"^. pass (\d+)$", run.stdout, re.MULTILINE)
    assert run.returncode == 0, run.stdout + run.stderr
    assert passed
    assert int(passed[1]) >= 150


def test_the_package_holds_what_it_names_and_depends_on_nothing() -> None:
    package = json.loads((CLIENT / "package.json").read_text("utf-8"))
    assert package["type"] == "module"
    assert not package["dependencies"]
    named = {package["main"], package["types"], *package["exports"]["."].values(), *package["files"]}
    assert all(list(CLIENT.glob(name.removeprefix("./"))) for name in named)
    for module in CLIENT.glob("*.js"):
        for target in re.findall(r"""\b(?:from|import)\s*\(?["']([^"']+)["']""", module.read_text("utf-8")):
            assert (CLIENT / target).parent == CLIENT, f"{module.name} is published without {target}"


def test_types_declare_what_the_module_exports() -> None:
    index = (CLIENT / "index.js").read_text("utf-8")
    exported = set(re.findall(r"^export (?:function|const|class) (\w+)", index, re.MULTILINE))
    for names in re.findall(r"^export \{([^}]+)\}", index, re.MULTILINE):
        exported |= {name.strip() for name in names.split(",")}
    declared = set(re.findall(r"^export (?:function|const|class) (\w+)", TYPES, re.MULTILINE))
    assert exported == declared


def test_types_declare_the_clients_methods() -> None:
    source = (CLIENT / "realtime.js").read_text("utf-8")
    methods = set(re.findall(r"^  (?:get )?([a-z]\w*)\([^)]*\) \{$", source, re.MULTILINE)) - {"constructor"}
    declaration = re.search(r"^export class RealtimeClient \{\n(.*?)^\}", TYPES, re.MULTILINE | re.DOTALL)
    assert declaration
    declared = set(re.findall(r"^  (?:readonly )?(\w+)[(:<]", declaration[1], re.MULTILINE)) - {"constructor"}
    assert methods == declared


def test_types_declare_every_duration() -> None:
    table = (CLIENT / "timing.js").read_text("utf-8").split("Object.freeze({")[1].split("});")[0]
    assert set(re.findall(r"^  (\w+Ms):", table, re.MULTILINE)) == fields_of("Timing")


def test_types_declare_every_event_that_the_database_appends() -> None:
    sql = "\n".join(path.read_text("utf-8") for path in (ROOT / "wallet_db/sql/functions").glob("*.sql"))
    appended = set(re.findall(r"'((?:sms|balance|activation|rental|card|admin)\.[a-z]+)'", sql))
    declared = set(re.findall(r"'([a-z]+\.[a-z]+)'", interface("EventData")))
    assert "sms.received" in appended
    assert appended == declared


def test_types_have_the_fields_of_the_databases_shapes(database_url: str) -> None:
    async def keys_of(expression: str) -> set[str]:
        connection = await asyncpg.connect(database_url)
        try:
            return {row[0] for row in await connection.fetch(f"select jsonb_object_keys({expression})")}
        finally:
            await connection.close()

    for expression, name in (
        ("wallet_json(null)", "Wallet"),
        ("activation_json(null)", "Activation"),
        ("rental_json(null)", "Rental"),
        ("card_json(null)", "Card"),
        ("card_funding_json(null)", "CardFunding"),
        ("card_transaction_json(null)", "CardTransaction"),
    ):
        assert asyncio.run(keys_of(expression)) == fields_of(name), name


def test_types_have_the_fields_that_come_over_the_wire(database_url: str) -> None:
    with running_system(database_url, pollers=True) as system:
        _, token = system.sign_in()
        with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {token}"}, verify=TLS) as http:
            first = http.get("/realtime/poll").json()
            assert http.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"}).is_success
            events, cursor = [], first["cursor"]
            while not {"sms.received", "balance.changed"} <= {event["type"] for event in events}:
                answer = http.get("/realtime/poll", params={"cursor": cursor, "wait": 20}, timeout=30).json()
                events, cursor = events + answer["events"], answer["cursor"]
    assert first["snapshot"].keys() == fields_of("Snapshot")
    assert {key for event in events for key in event} == fields_of("RealtimeEvent")
    data = {event["type"]: event["data"] for event in events}
    assert data["sms.received"].keys() == fields_of("SmsReceived") | fields_of("Sms")
    assert data["balance.changed"].keys() == fields_of("BalanceChanged") | fields_of("Wallet")
    assert data["activation.updated"].keys() == fields_of("Activation")
    assert data["activation.updated"]["sms"][0].keys() == fields_of("Sms")


def interface(name: str) -> str:
    """Its body in index.d.ts."""
    found = re.search(rf"^export interface {name}\b[^{{]*\{{\n(.*?)^\}}", TYPES, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def fields_of(name: str) -> set[str]:
    return set(re.findall(r"^  (\w+)\??:", interface(name), re.MULTILINE))
