"""permessage-deflate: what a client that was promised compression gets, and what it may send."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from tests.conformance.sockets import answer, close_code, connected
from tests.gateway.support import in_a_loop, new_user, own_gateway
from tests.system import System

FRAME_BYTES_MAX = 16_384


class CountingConnection(ClientConnection):
    """Counts what comes over the wire."""

    received_bytes = 0

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        super().data_received(data)


@pytest.fixture(scope="module")
def deflating_url(system: System) -> Iterator[str]:
    with own_gateway(system, WS_DEFLATE="1") as found:
        yield found


@pytest.mark.parametrize(
    ("offer", "window_bits"),
    [
        ({}, 12),
        ({"client_max_window_bits": True}, 12),
        ({"server_no_context_takeover": True, "client_no_context_takeover": True}, 12),
        ({"server_max_window_bits": 10}, 10),
    ],
    ids=["plain", "client window", "no context", "small window"],
)
@in_a_loop
async def test_compressed_messages_are_shorter_and_say_the_same(
    system: System, deflating_url: str, offer: dict[str, Any], window_bits: int
) -> None:
    text = "code 902013 " * 2_000
    options = {"extensions": [ClientPerMessageDeflateFactory(**offer)], "create_connection": CountingConnection}
    async with new_user(system) as user, connected(deflating_url, user, **options) as connection:
        assert isinstance(connection, CountingConnection)
        [extension] = connection.protocol.extensions
        assert isinstance(extension, PerMessageDeflate)
        assert (extension.remote_max_window_bits, extension.remote_no_context_takeover) == (window_bits, True)
        before = connection.received_bytes
        for number in range(3):
            await user.append(1, json.dumps({"text": text, "number": number}))
            assert (await answer(connection))["data"] == {"text": text, "number": number}
        compressed = connection.received_bytes - before < len(text)
        assert compressed is (window_bits == 12)  # a smaller window than ours is sent plain frames
        # What the client compresses is understood, and bounded by what it makes of it.
        await connection.send(json.dumps({"type": "juggle", "with": "x" * 10_000}))
        assert (await answer(connection)).items() >= {"type": "error", "error_code": "BAD_REQUEST"}.items()
        await connection.send("x" * (FRAME_BYTES_MAX + 1))
        assert await close_code(connection) == 1009
