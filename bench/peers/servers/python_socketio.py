"""python-socketio as an ASGI application, fed by asyncpg's LISTEN: a room for each user. Environment: DATABASE_URL.

Runs in the environment of the peers, not in ours: `python -m uvicorn python_socketio:app`.
"""

import json
import os
from typing import Any

import asyncpg
import socketio  # type: ignore[import-not-found]

server = socketio.AsyncServer(async_mode="asgi")


@server.event  # type: ignore[untyped-decorator]
async def connect(sid: str, _environ: dict[str, Any], auth: dict[str, str]) -> None:
    """A user's connection joins the user's room."""
    await server.enter_room(sid, auth["user"])


async def listen() -> None:
    """Each row to its user's room."""
    listener = await asyncpg.connect(os.environ["DATABASE_URL"])

    async def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        row = json.loads(str(payload))
        await server.emit("message", row, room=row["user_id"])

    await listener.add_listener("peer_messages", hear)
    kept.append(listener)


kept: list[object] = []
app = socketio.ASGIApp(server, on_startup=listen)
