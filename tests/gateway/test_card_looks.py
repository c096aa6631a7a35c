"""Details of a card: kept for minutes, looked at once for all who ask, in one process and in two, and never too old."""

import asyncio
import json
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from gateway.cards.seldom import KEYS_MAX, Seldom
from tests.gateway.card_desk import CardDesk
from tests.gateway.support import own_gateway
from wallet_db.connect import Pool, pool

API = "/api/strowallet"
MANY = 200
"""A thousand: `test_cards_upstream.py`."""
LOOKED_AT = (
    "update cards set checked_at = clock_timestamp() - $2::text::interval, refresh_asked_at = null, due_at = null"
    " where id = $1"
)


async def ask(url: str, token: str, path: str, card_id: UUID | str) -> tuple[int, dict[str, Any]]:
    """One request over a connection of its own: status and body."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        f"GET {API}/{path}?card_id={card_id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), json.loads(body)


async def upstream(db: Pool, card_id: UUID, asked: Counter[str], *, after_s: float) -> None:
    """The provider's side: each time the card is due for a look it takes a while, and is counted."""
    while True:
        due = await db.fetchval(
            "update cards set due_at = now() + interval '1 minute'"
            " where id = $1 and refresh_asked_at is not null and due_at <= now() returning true",
            card_id,
        )
        if due:
            asked["looks"] += 1
            began = await db.fetchval("select clock_timestamp()")
            await asyncio.sleep(after_s)  # as long as the provider takes
            said = "select record_card_state($1, 'active', $2, $3, null, null, null, null)"
            await db.fetchval(said, card_id, Decimal(asked["looks"]), began)
        await asyncio.sleep(0.01)


async def many(
    urls: list[str], token: str, card_id: UUID | str, count: int, path: str = "card-details"
) -> Counter[int]:
    """How so many were answered, all under way at once, by turns of these gateways."""
    answers = await asyncio.gather(*(ask(urls[each % len(urls)], token, path, card_id) for each in range(count)))
    assert len({body["balance"] for _, body in answers}) == 1
    return Counter(status for status, _ in answers)


def test_all_at_once_are_one_look_in_one_process_and_in_two(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    token = owner.headers["authorization"].removeprefix("Bearer ")

    async def run(urls: list[str]) -> None:
        asked: Counter[str] = Counter()
        async with pool(desk.system.database_url, "test", connections_max=2) as db, asyncio.TaskGroup() as tasks:
            working = tasks.create_task(upstream(db, card_id, asked, after_s=1))
            for number, part in enumerate((urls[:1], urls), 1):
                await db.execute(LOOKED_AT, card_id, "6 minutes")
                assert await many(part, token, card_id, MANY) == {200: MANY}
                assert asked["looks"] == number
                # And it is kept: nobody asks for the next five minutes.
                assert await many(part, token, card_id, 20) == {200: 20}
                assert await many(part, token, card_id, 20, "balance") == {200: 20}
                assert asked["looks"] == number
            working.cancel()

    with own_gateway(desk.system, ORDER_WAIT_S="30") as one, own_gateway(desk.system, ORDER_WAIT_S="30") as two:
        asyncio.run(run([one, two]))


def test_what_happens_to_the_card_ends_what_is_kept(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    which = {"card_id": str(card_id)}

    def read() -> tuple[int, str]:
        answer = owner.get(f"{desk.quick_url}{API}/card-details", params=which)
        return answer.status_code, answer.json()["balance"]

    assert read() == (200, "10.00")
    # As a webhook does, once a poller has it; and as operations do.
    desk.value("select ask_card_refresh($1)", card_id)
    assert read() == (202, "10.00")
    desk.tell(card_id, "active", balance="7.00")
    assert read() == (200, "7.00")
    desk.act(lambda db: db.execute(LOOKED_AT, card_id, "4 minutes 50 seconds"))
    assert read() == (200, "7.00")
    desk.act(lambda db: db.execute(LOOKED_AT, card_id, "5 minutes 1 second"))
    assert read() == (202, "7.00")
    assert desk.value("select refresh_asked_at is not null and due_at <= now() from cards where id = $1", card_id)


def test_a_provider_that_does_not_answer_is_not_waited_for(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    desk.act(lambda db: db.execute(LOOKED_AT, card_id, "1 hour"))
    with own_gateway(desk.system, ORDER_WAIT_S="0.3") as url:
        for path in ("card-details", "balance"):
            answer = owner.get(f"{url}{API}/{path}", params={"card_id": str(card_id)})
            assert (answer.status_code, answer.json()["balance"]) == (202, "10.00")
            assert answer.json()["checked_at"]
        assert owner.get(f"{url}{API}/card-transactions", params={"card_id": str(card_id)}).status_code == 200
        metrics = httpx.get(f"{url}/metrics").text
    assert 'onesms_card_reads_total{outcome="late"} 3.0' in metrics


def test_a_card_that_has_ended_is_not_asked_for(desk: CardDesk, owner: httpx.Client) -> None:
    card_id, pending = desk.card(owner, "1.00"), desk.order(owner, "1.00")
    desk.tell(card_id, "terminated")
    desk.act(lambda db: db.execute("update cards set checked_at = now() - interval '1 day' where id = $1", card_id))
    for each, status in ((card_id, "terminated"), (pending, "pending_activation")):
        answer = owner.get(f"{desk.quick_url}{API}/card-details", params={"card_id": str(each)})
        assert (answer.status_code, answer.json()["status"]) == (200, status)


# how often


def test_so_many_within_so_long_and_no_more() -> None:
    seldom = Seldom(2, 10.0)
    assert [seldom.take("ann", at_s) for at_s in (0.0, 4.0, 5.0, 9.0)] == [None, None, 5.0, 1.0]
    assert seldom.take("bob", 5.0) is None
    assert seldom.take("ann", 10.0) is None  # the first is over
    assert seldom.take("ann", 12.0) == 2.0


def test_its_memory_is_bounded() -> None:
    seldom = Seldom(1, 10.0)
    for name in range(KEYS_MAX):
        assert seldom.take(name, 0.0) is None
    assert seldom.take("one more", 20.0) is None  # those whose time is over made room
    assert seldom.take(0, 20.0) is None
    for name in range(KEYS_MAX):
        seldom.take(name, 20.0)
    assert seldom.take("another", 20.0) is None
