"""WebSocket as a well-made client speaks it: `websockets`, from the handshake to the close.

What no such client sends, and what the limits do to one that sends too much, is in `tests/gateway/test_websocket.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.conformance.sockets import answer, close_code, connected
from tests.gateway.support import in_a_loop, new_user
from tests.system import System

FRAME_BYTES_MAX = 16_384
UNKNOWN_TYPE = {"type": "error", "success": False, "error_code": "BAD_REQUEST"}


@in_a_loop
async def test_message_in_fragments_with_pings_between_is_one_message(system: System) -> None:
    async def parts() -> AsyncIterator[str]:
        yield '{"type":'
        await (await connection.ping())
        yield ""
        yield '"juggle"}'

    async with new_user(system) as user, connected(system.url, user) as connection:
        await connection.send(parts())
        said = await answer(connection)
        assert said.items() >= UNKNOWN_TYPE.items()
        assert "juggle" in said["message"]


@pytest.mark.parametrize("data", [b"", b"are you there", b"x" * 125])
@in_a_loop
async def test_ping_is_answered(system: System, data: bytes) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await asyncio.wait_for(await connection.ping(data), 5)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (4999, "ключ 🔑")])
@in_a_loop
async def test_closing_handshake_echoes_the_clients_code(system: System, code: int, reason: str) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await connection.close(code, reason)
        assert connection.close_code == code
        assert connection.protocol.close_rcvd
        assert connection.protocol.close_rcvd.code == code


@pytest.mark.parametrize(
    ("data", "as_text", "code"),
    [
        (b'{"type":"\xff\xfe"}', True, 1007),
        (b"\x00\x01", False, 1003),
        (b"x" * (FRAME_BYTES_MAX + 1), True, 1009),
    ],
    ids=["not utf-8", "binary", "oversized"],
)
@in_a_loop
async def test_message_against_the_contract_ends_the_connection(
    system: System, data: bytes, as_text: bool, code: int
) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await connection.send(data, text=as_text)
        assert await close_code(connection) == code


@in_a_loop
async def test_largest_message_is_taken(system: System) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await connection.send('"' + "x" * (FRAME_BYTES_MAX - 2) + '"')
        assert (await answer(connection))["error_code"] == "INVALID_JSON"


@pytest.mark.parametrize("kind", ["juggle", "ready", "sms.received", "heartbeat", "close", ""])
@in_a_loop
async def test_unknown_type_is_answered_and_the_stream_goes_on(system: System, kind: str) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await connection.send(json.dumps({"type": kind}))
        assert (await answer(connection)).items() >= UNKNOWN_TYPE.items()
        await user.append()
        assert (await answer(connection))["seq"] == 1


# compression


@in_a_loop
async def test_compression_is_not_agreed_to_unless_set(system: System) -> None:
    async with new_user(system) as user, connected(system.url, user, compression="deflate") as connection:
        assert connection.protocol.extensions == []
        assert connection.response
        assert "sec-websocket-extensions" not in connection.response.headers
