"""Gateways of our own for a measurement: ready, or an error."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import psutil

from bench.delivery.clients import WITHIN_S
from bench.wallet.server import BenchError, started


@asynccontextmanager
async def ready_gateway(port: int, environment: dict[str, str]) -> AsyncIterator[psutil.Process]:
    """A gateway that is ready. Raises `BenchError`."""
    async with started(sys.executable, "-m", "gateway", environment=environment | {"PORT": str(port)}) as process:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                async with asyncio.timeout(WITHIN_S):
                    while not await _answers(client, f"http://127.0.0.1:{port}/readyz"):
                        if process.returncode is not None:
                            raise BenchError("the gateway ended")
                        await asyncio.sleep(0.02)
            except TimeoutError:
                raise BenchError("the gateway did not get ready") from None
        yield psutil.Process(process.pid)


async def all_answer(port: int, gateways: int) -> None:
    """Each of those on the port: the kernel deals connections out, so many must be answered at the same time."""
    asked = 16 * gateways
    async with asyncio.timeout(WITHIN_S):
        while True:
            async with AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(httpx.AsyncClient(trust_env=False)) for _ in range(asked)]
                url = f"http://127.0.0.1:{port}/readyz"
                if all(await asyncio.gather(*(_answers(client, url) for client in clients))):
                    return


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
