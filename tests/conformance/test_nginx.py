"""The contract through a proxy that buffers by default: nothing is held back, and cursors resume."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.conformance.nginx import nginx
from tests.gateway.clients import SSE, TRANSPORTS, Stream, Transport
from tests.gateway.support import User, end_of, events, in_a_loop, new_user, ready, seqs
from tests.system import System

AT_ONCE_S = 1.0
"""Much less than a buffer of 4 KB or 8 KB takes to fill with what is sent here."""


@pytest.fixture(scope="module")
def proxy_url(system: System) -> Iterator[str]:
    with nginx(system.url) as url:
        yield url


@asynccontextmanager
async def opened(transport: Transport, url: str, user: User, cursor: str | None = None) -> AsyncIterator[Stream]:
    """Past `ready`."""
    async with transport.connect(url, user.token, cursor) as stream:
        assert (await ready(stream))["resumed"] is (cursor is not None)
        yield stream


@in_a_loop
async def test_events_pass_a_proxy_at_once(system: System, proxy_url: str, transport: Transport) -> None:
    async with new_user(system) as user, opened(transport, proxy_url, user) as stream:
        loop = asyncio.get_running_loop()
        for seq in range(1, 6):
            began = loop.time()
            await user.append()
            assert seqs(await events(stream, 1)) == [seq]
            assert loop.time() - began < AT_ONCE_S


@pytest.mark.parametrize("second", TRANSPORTS, ids=lambda transport: f"then-{transport.name}")
@in_a_loop
async def test_cursor_resumes_through_a_proxy_and_around_it(
    system: System, proxy_url: str, transport: Transport, second: Transport
) -> None:
    async with new_user(system) as user:
        async with opened(transport, proxy_url, user) as stream:
            await user.append(2)
            seen = await events(stream, 2)
        await user.append(3)
        for url in (proxy_url, system.url):
            async with opened(second, url, user, seen[1]["cursor"]) as stream:
                assert seqs(await events(stream, 3)) == [3, 4, 5]


@in_a_loop
async def test_end_of_a_session_passes_a_proxy(system: System, proxy_url: str, transport: Transport) -> None:
    async with (
        new_user(system) as user,
        transport.connect(proxy_url, system.token(user.id, lifetime_s=2), None) as stream,
    ):
        await ready(stream)
        assert await end_of(stream) == 4501


@in_a_loop
async def test_stream_that_does_not_ask_for_it_is_held_back(system: System) -> None:
    """The control: if our header is not listened to, this proxy does delay what the tests above saw at once."""
    async with new_user(system) as user:

        async def first() -> None:
            async with SSE.connect(heedless, user.token, None) as stream:
                await ready(stream)

        impatiently = pytest.raises(TimeoutError)
        with nginx(system.url, "proxy_ignore_headers X-Accel-Buffering;") as heedless, impatiently:
            await asyncio.wait_for(first(), AT_ONCE_S)
