"""Cards with pollers and a provider behind: one look for a thousand who ask, and no number kept anywhere.

The simulator tells its cards' numbers and security codes to the test, which then looks for them where they must not be:
in a dump of the whole database, in what every process has written, in events, and in what went by NOTIFY.
"""

import asyncio
import base64
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest

from pollers.simulator import SimulatorSettings
from tests.conftest import database_of, execute
from tests.gateway.api import client_of, new_card, refusal, wallet
from tests.gateway.card_desk import WEBHOOK_SECRET, signed
from tests.gateway.support import own_gateway
from tests.gateway.test_card_looks import many
from tests.system import TLS, System, running_system, wait_until
from tests.wallet_db.books import assert_sound
from wallet_db.connect import connect, pool

API = "/api/strowallet"
MANY = 1_000


@pytest.fixture(scope="module")
def system(server_url: str, template: str) -> Iterator[System]:
    """One whose provider makes cards at once, and tells of them by webhook."""
    name = f"onesms_test_{uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    with running_system(
        database_of(server_url, name),
        pollers=True,
        simulator=SimulatorSettings(port=0),
        environment={"STROWALLET_WEBHOOK_SECRET": WEBHOOK_SECRET, "STROWALLET_REQUESTS_PER_S": "100"},
    ) as running:
        assert running.simulator_url
        with httpx.Client(base_url=running.simulator_url, verify=TLS) as control:
            terms = {"activation_s": 0.2, "funding_s": 0.2}
            control.post("/sim/cards/settings", json=terms).raise_for_status()
            told = {"urls": [f"{running.url}/webhooks/strowallet"], "secret": WEBHOOK_SECRET}
            control.post("/sim/cards/webhooks", json=told).raise_for_status()
        yield running
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture
def control(system: System) -> Iterator[httpx.Client]:
    """The provider's other side."""
    assert system.simulator_url
    with httpx.Client(base_url=system.simulator_url, verify=TLS) as client:
        yield client


@pytest.fixture
def owner(system: System) -> Iterator[httpx.Client]:
    """Somebody with 100.00."""
    with client_of(system.url, system.sign_in(credit="100.00")[1]) as client:
        yield client


def get(client: httpx.Client, path: str, card_id: str) -> dict[str, Any]:
    answer = client.get(f"{API}/{path}", params={"card_id": card_id})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def upstream_card(control: httpx.Client, last4: str) -> dict[str, Any]:
    cards = control.get("/sim/cards").json()["cards"]
    card: dict[str, Any] = next(card for card in cards if card["number"].endswith(last4))
    return card


def test_the_life_of_a_card(system: System, owner: httpx.Client, control: httpx.Client) -> None:
    card_id = new_card(owner, "10.00")["card_id"]
    assert wallet(owner) == ("86.78", "0.00", "86.78")
    funded = owner.post(f"{API}/fund-card", json={"card_id": card_id, "usd": "5.00"})
    assert (funded.status_code, funded.json()["funding"]["status"]) == (200, "completed"), funded.text
    assert wallet(owner) == ("81.17", "0.00", "81.17")
    card = get(owner, "card-details", card_id)
    assert card["expiry"]
    theirs = upstream_card(control, card["last4"])
    # What somebody pays with the card is told by webhook, and looked up.
    control.post(f"/sim/cards/{theirs['id']}/transactions", json={"usd": "2.50"}).raise_for_status()
    wait_until(lambda: get(owner, "balance", card_id)["balance"] == "12.50", "what was paid is known")
    wait_until(
        lambda: any(row["usd"] == "-2.50" for row in get(owner, "card-transactions", card_id)["transactions"]),
        "the payment is listed",
    )
    blocked = owner.post(f"{API}/block-card", json={"card_id": card_id})
    assert (blocked.status_code, blocked.json()["status"]) == (200, "blocked")
    assert upstream_card(control, card["last4"])["status"] == "frozen"
    refusal(owner.post(f"{API}/fund-card", json={"card_id": card_id, "usd": "5"}), 409, "CARD_NOT_USABLE")
    unblocked = owner.post(f"{API}/unblock-card", json={"card_id": card_id})
    assert (unblocked.status_code, unblocked.json()["status"]) == (200, "active")
    control.post(f"/sim/cards/{theirs['id']}", json={"status": "terminated"}).raise_for_status()
    wait_until(lambda: get(owner, "card-details", card_id)["status"] == "terminated", "its end is known")
    assert {"card.created", "card.updated", "card.transaction"} <= {event["type"] for event in events_of(owner)}


def events_of(client: httpx.Client) -> list[dict[str, Any]]:
    cursor = client.get("/realtime/poll").json()["cursor"]
    beginning = f"{cursor.rpartition('-')[0]}-0"
    found: list[dict[str, Any]] = client.get("/realtime/poll", params={"cursor": beginning, "wait": 0}).json()["events"]
    return found


def looks_of(control: httpx.Client) -> int:
    asked = control.get("/sim/log").json()["requests"]
    return sum(request["action"] == "fetch-card-detail" for request in asked)


def test_a_thousand_who_ask_are_one_request_upstream(
    system: System, owner: httpx.Client, control: httpx.Client
) -> None:
    card = new_card(owner, "1.00")
    get(owner, "card-details", card["card_id"])
    token = owner.headers["authorization"].removeprefix("Bearer ")

    async def age(db: Any) -> None:
        await db.execute(
            "update cards set checked_at = now() - interval '6 minutes', refresh_asked_at = null where id = $1",
            card["card_id"],
        )

    async def run(urls: list[str]) -> Counter[int]:
        async with pool(system.database_url, "test", connections_max=1) as db:
            await age(db)
        return await many(urls, token, card["card_id"], MANY)

    def settled() -> bool:
        rows = "select not exists (select from strowallet_webhook_events where status = 'new')"
        return bool(scalar(system, rows)) and scalar(system, "select count(*) from cards where due_at <= now()") == 0

    wait_until(settled, "nothing is under way")
    with own_gateway(system, ORDER_WAIT_S="30") as one, own_gateway(system, ORDER_WAIT_S="30") as two:
        for urls in ([one], [one, two]):
            before = looks_of(control)
            assert asyncio.run(run(urls)) == {200: MANY}
            assert looks_of(control) - before == 1


def scalar(system: System, query: str, *arguments: object) -> Any:
    async def read() -> Any:
        connection = await connect(system.database_url, "test")
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(read())


# what is kept of a number


def spellings(number: str) -> list[str]:
    """As text, in groups, as bytes in hex and in base64, wherever it begins."""
    groups = re.findall("....", number)
    raw = number.encode()
    encoded = [base64.b64encode(b"x" * shift + raw).decode()[4 * (shift > 0) : -4] for shift in range(3)]
    return [number, "-".join(groups), " ".join(groups), raw.hex(), *encoded]


async def dump(url: str) -> dict[str, str]:
    """Every row of every table, by table."""
    connection = await connect(url, "test")
    try:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        rows = {
            name: [row[0] for row in await connection.fetch(f"select to_jsonb(t)::text from {name} t")]  # noqa: S608
            for (name,) in tables
        }
        statistics = [row[0] for row in await connection.fetch("select s::text from pg_stats s")]
        running = [row[0] for row in await connection.fetch("select query from pg_stat_activity")]
        return {name: "\n".join(texts) for name, texts in rows.items()} | {
            "pg_stats": "\n".join(statistics),
            "pg_stat_activity": "\n".join(running),
        }
    finally:
        await connection.close()


class Listening:
    """All that goes by NOTIFY on these channels while the block lasts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.heard: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        self._connection = await connect(self._url, "test")
        for channel in ("onesms_card_reveals", "onesms_card_jobs", "onesms_events"):
            await self._connection.add_listener(
                channel, lambda _connection, _pid, name, text: self.heard.append((name, str(text)))
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


def test_a_number_is_shown_to_its_owner_and_found_nowhere(
    system: System, owner: httpx.Client, control: httpx.Client
) -> None:
    card_id = new_card(owner, "10.00")["card_id"]
    card = get(owner, "card-details", card_id)
    theirs = upstream_card(control, card["last4"])
    which = {"card_id": card_id}

    async def reveal() -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
        async with (
            Listening(system.database_url) as listening,
            httpx.AsyncClient(base_url=system.url, headers=owner.headers, timeout=30, verify=TLS) as client,
        ):
            # A key, as other requests have: of them answers are kept.
            keys = [{"idempotency-key": f"reveal {number}"} for number in range(3)]
            answers = [(await client.post(f"{API}/card-reveal", json=which, headers=key)).json() for key in keys]
        return answers, listening.heard

    shown, heard = asyncio.run(reveal())
    for each in shown:
        assert (each["card_number"], each["cvv"]) == (theirs["number"], theirs["cvv"]), each
    # In every way in which it might get in: a webhook that tells it, a block, money, a request that is refused.
    said = {"event": "card.created", "cardId": theirs["id"], "card_number": theirs["number"], "cvv": theirs["cvv"]}
    body = httpx.Request("POST", "http://x", json=said).content
    assert httpx.post(f"{system.url}/webhooks/strowallet", content=body, headers=signed(body)).status_code == 200
    control.post(
        f"/sim/cards/{theirs['id']}/transactions", json={"usd": "1.00", "narrative": f"POS {theirs['number']}"}
    ).raise_for_status()
    wait_until(lambda: get(owner, "balance", card_id)["balance"] == "9.00", "what was paid is known")
    blocked = owner.post(f"{API}/block-card", json=which, headers={"idempotency-key": "block"})
    assert blocked.status_code == 200
    assert card["last4"] not in blocked.text  # this answer is kept
    owner.get(f"{API}/card-details", params={"card_id": theirs["number"]})
    owner.get(f"/nothing/{theirs['number']}")
    owner.post(f"{API}/fund-card", json={"card_id": theirs["number"], "usd": theirs["number"]})

    numbers = {each["number"]: each["cvv"] for each in control.get("/sim/cards").json()["cards"]}
    places = asyncio.run(dump(system.database_url))
    places |= {f"log of {process.module}": process.output for process in system.processes}
    places |= {"events": str(events_of(owner)), "notified": "\n".join(text for _, text in heard)}
    places |= {"answers": str([owner.get(f"{API}/list-cards").json(), get(owner, "card-transactions", card_id)])}
    assert {"onesms_card_reveals", "onesms_card_jobs"} <= {name for name, _ in heard}
    assert len(places["public.card_reveals"].splitlines()) >= 3
    for number, cvv in numbers.items():
        for name, text in places.items():
            for spelling in spellings(number):
                assert spelling not in text, (name, spelling)
            # Three digits may stand anywhere; not as a value, and not under its name.
            assert not re.search(rf"""["'=]{cvv}\\*["'&]|cvv\W+{cvv}""", text, re.IGNORECASE), (name, cvv)
    # The control: what is searched for is what would be found.
    assert theirs["number"] in control.get("/sim/cards").text
    assert any(
        spelling in f"x{base64.b64encode(theirs['number'].encode()).decode()}"
        for spelling in spellings(theirs["number"])
    )


def test_no_process_that_may_hold_a_number_writes_a_core_dump(system: System) -> None:
    assert system.pollers is not None
    for process in (system.gateway, system.pollers):
        limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii").splitlines()
        [line] = [line for line in limits if line.startswith("Max core file size")]
        assert line.split()[4:6] == ["0", "0"]


def test_the_books_are_right_in_the_end(system: System) -> None:
    async def run() -> None:
        async with pool(system.database_url, "test", connections_max=2) as db:
            await assert_sound(db, *[row["id"] for row in await db.fetch("select id from users")])
            assert await db.fetchval("select sum(frozen_balance) from users") == Decimal(0)
            assert await db.fetch("select * from v_frozen_balance_health where status <> 'OK'") == []

    asyncio.run(run())
