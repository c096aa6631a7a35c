"""What a running gateway says, on each transport, held against docs/asyncapi.yaml: every type there is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
from httpx_sse import aconnect_sse

from gateway.auth import Authenticator
from tests.conformance.contract import EVENT_TYPES, faults_of
from tests.conformance.sockets import connected, to_the_close
from tests.gateway.clients import TRANSPORTS, Message, Transport
from tests.gateway.support import User, events, in_a_loop, new_user, ready
from tests.system import JWT_SECRET, System
from wallet_db.events import OPERATORS

LIFETIME_S = 4
"""Of a token: a heartbeat and more."""
ORDERED = ("activation.created", "activation.updated", "sms.received", "balance.changed")
RENTED = ("rental.created", "rental.updated", "sms.received")
CARDED = ("card.created", "card.updated", "card.transaction")


async def buy(user: User) -> None:
    """One order from purchase to SMS, and another that is refused; both are in the snapshot afterwards."""
    await user.db.execute("select atomic_deposit($1::text::uuid, 20, 'top-up ' || $1)", user.id)
    create = "select (create_activation($1::text::uuid, 'whatsapp', 'indonesia') ->> 'id')::uuid"
    bought = await user.db.fetchval(create, user.id)
    await user.db.fetchval("select begin_purchase($1, 'sim')", bought)
    purchase = (
        "select record_purchase($1::uuid, $1::uuid::text, '6285750336648', 0.2, now() + interval '20 minutes', now())"
    )
    assert await user.db.fetchval(purchase, bought)
    assert await user.db.fetchval("select apply_activation_sms($1, null, 'Ваш код: 🔑')", bought) == "applied"
    assert await user.db.fetchval("select apply_activation_sms($1, '902013', 'Code 902013')", bought) == "applied"
    given_up = await user.db.fetchval(create, user.id)
    await user.db.fetchval("select request_cancel($1::text::uuid, $2)", user.id, given_up)


async def rent(user: User) -> None:
    """A rental with an SMS, as far as the database knows rentals."""
    rental = await user.db.fetchval(
        "insert into rentals (user_id, service, country, hours, price, frozen_amount)"
        " select $1::text::uuid, service, country, 24, 9, 9 from services, countries limit 1 returning id",
        user.id,
    )
    await user.db.execute(
        "update rentals set status = 'active', phone = '6281', ends_at = now() + interval '1 day' where id = $1", rental
    )
    await user.db.execute(
        "insert into sms_messages (user_id, rental_id, code, text, provider_message_id)"
        " values ($1::text::uuid, $2, '77', 'Code 77', '1')",
        user.id,
        rental,
    )


async def card(user: User) -> None:
    """A card with a transaction, as far as the database knows cards."""
    await user.db.execute(
        "insert into card_offers (provider, creation_fee, usd_price, usd_min, usd_max, on_sale)"
        " values ('p', 1, 1, 1, 9, true) on conflict do nothing"
    )
    transactions = '[{"id": "t", "usd": "-1", "status": "success"}]'
    steps = (
        (
            "select create_card_customer($1::text::uuid, $1::text::uuid, 'p', 'x', $1::text::bytea, array[]::uuid[],"
            " array[]::text[], array[]::text[], array[]::bytea[])"
        ),
        "select record_card_customer($1::text::uuid, $1::text, now())",
        "select create_card($1::text::uuid, $1::text::uuid, 'p', 5, 'x')",
        "select begin_card_creation($1::text::uuid)",
        "select record_card_created($1::text::uuid, $1::text, 'r', now())",
        "select record_card_state($1::text::uuid, 'active', 5, now(), p_brand => 'visa')",
        f"select record_card_transactions($1::text::uuid, '{transactions}')",
    )
    for statement in steps:
        await user.db.execute(statement, user.id)


def check(messages: list[Message], *expected: str, name: str | None = None) -> None:
    """Each is as the document says, and those expected are among them."""
    assert {message.get("type") for message in messages} >= set(expected)
    assert [fault for message in messages for fault in faults_of(message, name)] == []


@asynccontextmanager
async def rich_user(system: System) -> AsyncIterator[User]:
    async with new_user(system) as user:
        await buy(user)
        await rent(user)
        await card(user)
        yield user


@in_a_loop
async def test_snapshot_and_events_are_as_documented(system: System, transport: Transport) -> None:
    async with rich_user(system) as user:
        count = await user.db.fetchval("select event_seq from users where id = $1::text::uuid", user.id)
        async with transport.connect(system.url, user.token, None) as stream:
            first = await ready(stream)
        assert len(first["snapshot"]["activations"]) == 2
        assert len(first["snapshot"]["rentals"]) == 1
        assert len(first["snapshot"]["cards"]) == 1
        start = f"{first['cursor'].rpartition('-')[0]}-0"
        async with transport.connect(system.url, user.token, start) as stream:
            again = await ready(stream)
            check([first, again, *await events(stream, count)], "ready", *ORDERED, *RENTED, *CARDED)


@in_a_loop
async def test_alerts_of_operators_are_as_documented(system: System, transport: Transport) -> None:
    token = Authenticator(JWT_SECRET).issue(UUID(OPERATORS), role="admin")
    async with new_user(system) as user, transport.connect(system.url, token, None) as stream:
        await ready(stream)
        unwell = (
            'select alert_wallet(wallet_health($1::text::uuid) || \'{"status": "WARNING", "problem": "x"}\','
            " 'no hold', now())"
        )
        assert await user.db.fetchval(unwell, user.id)
        await user.db.execute(
            "insert into system_logs (level, source, message) values ('error', 'x', $1)", f"{user.id} IS_BROKEN"
        )
        await user.db.execute("select fold_alerts(1000)")
        check(await events(stream, 2), "admin.alert")


@in_a_loop
async def test_what_operators_are_told_every_two_seconds_is_as_documented(system: System, transport: Transport) -> None:
    if transport.name == "long-poll":
        return  # it is answered with events only
    token = Authenticator(JWT_SECRET).issue(UUID(OPERATORS), role="admin")
    async with transport.connect(system.url, token, None) as stream:
        await ready(stream)
        while (message := await stream.next())["type"] != "admin.live":
            assert message["type"] in ("heartbeat", "admin.alert")
        check([message], "admin.live")


def test_every_event_type_has_come() -> None:
    """The tests above ask for each of them by name."""
    assert {*ORDERED, *RENTED, *CARDED, "admin.alert"} == EVENT_TYPES


@in_a_loop
async def test_whole_life_of_a_websocket_is_as_documented(system: System) -> None:
    async with rich_user(system) as user:
        short = User(user.id, system.token(user.id, lifetime_s=LIFETIME_S), user.db)
        async with connected(system.url, short) as connection:
            for text in ("x", '{"type":"juggle"}', '{"type":"ack","cursor":"x"}', '{"type":"auth","token":"x"}'):
                await connection.send(text)
            await connection.send(json.dumps({"type": "auth", "token": system.token(user.id, lifetime_s=LIFETIME_S)}))
            said = await to_the_close(connection)
        check(said, "heartbeat", "error", "auth.expiring", "auth.renewed")
        codes = {message["error_code"] for message in said if message["type"] == "error"}
        assert codes == {"INVALID_JSON", "BAD_REQUEST", "INVALID_ARGUMENT", "TOKEN_INVALID"}
        assert connection.close_code == 4501


@in_a_loop
async def test_whole_life_of_a_stream_is_as_documented(system: System) -> None:
    async with rich_user(system) as user, httpx.AsyncClient(base_url=system.url, timeout=None) as client:  # noqa: S113
        token = system.token(user.id, lifetime_s=LIFETIME_S)
        headers = {"authorization": f"Bearer {token}"}
        async with aconnect_sse(client, "GET", "/realtime/sse", headers=headers) as source:
            stream = source.aiter_sse()
            heard = [await anext(stream)]
            renewed = {"token": system.token(user.id, lifetime_s=LIFETIME_S)}
            assert (await client.post("/realtime/auth", json=renewed, headers=headers)).status_code == 200
            heard += [event async for event in stream]
        said = [event.json() for event in heard]
        check(said, "ready", "heartbeat", "auth.expiring", "auth.renewed", "close")
        assert [event.event for event in heard] == [message["type"] for message in said]
        assert said[-1]["type"] == "close"


@pytest.mark.parametrize("resumed", [False, True], ids=["fresh", "resumed"])
@in_a_loop
async def test_answer_of_a_poll_is_as_documented(system: System, resumed: bool) -> None:
    async with rich_user(system) as user, httpx.AsyncClient(base_url=system.url, timeout=30) as client:
        params = {"access_token": user.token}
        first = (await client.get("/realtime/poll", params=params)).json()
        if resumed:
            params["cursor"] = f"{first['cursor'].rpartition('-')[0]}-0"
            first = (await client.get("/realtime/poll", params=params)).json()
        assert (first["resumed"], bool(first["events"])) == (resumed, resumed)
        check([first], name="polled")


@in_a_loop
async def test_all_transports_say_the_same(system: System) -> None:
    """Not only in the same form: the same snapshot and the same events, whoever carries them."""
    async with rich_user(system) as user:
        count = await user.db.fetchval("select event_seq from users where id = $1::text::uuid", user.id)
        heard = []
        for transport in TRANSPORTS:
            async with transport.connect(system.url, user.token, None) as stream:
                first = await ready(stream)
            start = f"{first['cursor'].rpartition('-')[0]}-0"
            async with transport.connect(system.url, user.token, start) as stream:
                await ready(stream)
                heard.append((first["cursor"], first["snapshot"], await events(stream, count)))
        assert heard[0] == heard[1] == heard[2]
