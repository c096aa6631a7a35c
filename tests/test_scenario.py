"""The main job as the business tells it: worked figures, on all three transports at once, and from one to the other."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from websockets.asyncio.client import connect

from tests.system import System, running_system

DEADLINE_S = 20.0


@dataclass
class Heard:
    """What one transport has told its client."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ready: dict[str, Any] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "ready":
            self.ready = message
        elif "seq" in message:
            self.events.append(message)
        self.news.set()

    async def until_seq(self, seq: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not self.events or self.events[-1]["seq"] < seq:
                self.news.clear()
                await self.news.wait()

    async def until_ready(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while self.ready is None:
                self.news.clear()
                await self.news.wait()
            return self.ready


async def hear_websocket(system: System, token: str, heard: Heard, cursor: str = "") -> None:
    url = f"ws://127.0.0.1:{system.port}/realtime/ws?access_token={token}&cursor={cursor}"
    async with connect(url) as socket:
        async for text in socket:
            heard.take(json.loads(text))


async def hear_sse(system: System, token: str, heard: Heard, cursor: str = "") -> None:
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": cursor}
    async with (
        httpx.AsyncClient(timeout=DEADLINE_S) as http,
        aconnect_sse(http, "GET", f"{system.url}/realtime/sse", headers=headers) as stream,
    ):
        async for event in stream.aiter_sse():
            message = json.loads(event.data)
            assert message["type"] == event.event
            if "cursor" in message:
                assert message["cursor"] == event.id
            heard.take(message)


async def hear_poll(system: System, token: str, heard: Heard, cursor: str = "") -> None:
    async with httpx.AsyncClient(timeout=DEADLINE_S * 2, headers={"Authorization": f"Bearer {token}"}) as http:
        while True:
            answer = (await http.get(f"{system.url}/realtime/poll", params={"cursor": cursor, "wait": 20})).json()
            if "snapshot" in answer:
                heard.take({"type": "ready", **answer})
            for event in answer["events"]:
                heard.take(event)
            cursor = answer["cursor"]


@contextlib.asynccontextmanager
async def listening(*coroutines: Any) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def wallet(http: httpx.AsyncClient) -> tuple[str, str, str]:
    answer = (await http.get("/api/wallet")).json()
    return answer["balance"], answer["frozen"], answer["available"]


async def newest_seq(http: httpx.AsyncClient) -> int:
    """The head of the stream, as a fresh poll's cursor tells it."""
    cursor: str = (await http.get("/realtime/poll")).json()["cursor"]
    return int(cursor.rpartition("-")[2])


async def buy(http: httpx.AsyncClient, service: str) -> dict[str, Any]:
    answer = await http.post("/api/activations", json={"service": service, "country": "indonesia"})
    assert answer.status_code == 201, answer.text
    activation: dict[str, Any] = answer.json()
    return activation


def client(system: System, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=system.url, headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE_S, trust_env=False
    )


def test_the_worked_figures_arrive_on_all_three_transports_alike(database_url: str) -> None:
    async def scenario(system: System) -> None:
        _, token = system.sign_in("alice", "36.00")
        heard = {name: Heard() for name in ("ws", "sse", "poll")}
        async with (
            client(system, token) as http,
            listening(
                hear_websocket(system, token, heard["ws"]),
                hear_sse(system, token, heard["sse"]),
                hear_poll(system, token, heard["poll"]),
            ),
        ):
            ready = [await one.until_ready() for one in heard.values()]
            assert {message["cursor"] for message in ready} == {ready[0]["cursor"]}
            first_seq = int(ready[0]["cursor"].rpartition("-")[2])

            await buy(http, "none")
            assert await wallet(http) == ("36.00", "5.00", "31.00")
            second = await buy(http, "none")
            assert await wallet(http) == ("36.00", "10.00", "26.00")
            cancelled = await http.post(f"/api/activations/{second['id']}/cancel")
            assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
            assert await wallet(http) == ("36.00", "5.00", "31.00")
            third = await buy(http, "whatsapp")
            async with asyncio.timeout(DEADLINE_S):
                while (await http.get(f"/api/activations/{third['id']}")).json()["status"] != "received":
                    heard["ws"].news.clear()
                    await heard["ws"].news.wait()
            assert await wallet(http) == ("31.00", "5.00", "26.00")

            last = await newest_seq(http)
            for one in heard.values():
                await one.until_seq(last)
        streams = [one.events for one in heard.values()]
        assert streams[0] == streams[1] == streams[2]
        assert [event["seq"] for event in streams[0]] == list(range(first_seq + 1, last + 1))
        figures = [
            (event["data"]["operation"], event["data"]["balance"], event["data"]["frozen"], event["data"]["available"])
            for event in streams[0]
            if event["type"] == "balance.changed"
        ]
        assert figures == [
            ("freeze", "36.00", "5.00", "31.00"),
            ("freeze", "36.00", "10.00", "26.00"),
            ("refund", "36.00", "5.00", "31.00"),
            ("freeze", "36.00", "10.00", "26.00"),
            ("commit", "31.00", "5.00", "26.00"),
        ]
        (sms,) = [event["data"] for event in streams[0] if event["type"] == "sms.received"]
        assert sms["activation_id"] == third["id"]
        assert sms["code"] in sms["text"]

    with running_system(database_url, pollers=True) as system:
        asyncio.run(scenario(system))


def test_what_was_missed_between_sse_and_websocket_comes_first(database_url: str) -> None:
    async def scenario(system: System) -> None:
        _, token = system.sign_in("bob", "36.00")
        on_sse, on_ws = Heard(), Heard()
        async with client(system, token) as http:
            async with listening(hear_sse(system, token, on_sse)):
                await on_sse.until_ready()
                await buy(http, "none")
                await on_sse.until_seq(await newest_seq(http))
            left_at = on_sse.events[-1]
            await buy(http, "none")
            missed = await newest_seq(http)
            assert missed > left_at["seq"]
            async with listening(hear_websocket(system, token, on_ws, left_at["cursor"])):
                ready = await on_ws.until_ready()
                assert ready["resumed"] is True
                assert "snapshot" not in ready
                await on_ws.until_seq(missed)
                await buy(http, "none")
                last = await newest_seq(http)
                await on_ws.until_seq(last)
        assert [event["seq"] for event in on_ws.events] == list(range(left_at["seq"] + 1, last + 1))

    with running_system(database_url, pollers=True) as system:
        asyncio.run(scenario(system))


def test_other_users_hear_nothing(database_url: str) -> None:
    async def scenario(system: System) -> None:
        _, mine = system.sign_in("carol", "36.00")
        _, theirs = system.sign_in("dave", "36.00")
        overheard, own = Heard(), Heard()
        async with (
            client(system, mine) as http,
            client(system, theirs) as other,
            listening(hear_websocket(system, theirs, overheard), hear_websocket(system, mine, own)),
        ):
            await overheard.until_ready()
            await own.until_ready()
            order = await buy(http, "whatsapp")
            await own.until_seq(await newest_seq(http))
            # Their own purchase comes after mine in the outbox: had mine leaked, it would be there before.
            await buy(other, "none")
            await overheard.until_seq(await newest_seq(other))
            assert (await other.get(f"/api/activations/{order['id']}")).status_code == 404
            assert (await other.post(f"/api/activations/{order['id']}/cancel")).status_code == 404
        assert order["id"] not in json.dumps(overheard.events)
        assert order["phone"] not in json.dumps(overheard.events)

    with running_system(database_url, pollers=True) as system:
        asyncio.run(scenario(system))
