"""django-eventstream in a Django of one file, fed by asyncpg's LISTEN: a channel for each user.

Runs in the environment of the peers, not in ours, with DATABASE_URL: `python -m uvicorn django_events:app`. One
process, so the package's own in-memory listeners take an event to its connections, as its documentation has it for a
single ASGI server; events are not stored.
"""

import asyncio
import json
import os
from typing import Any

import asyncpg
import django  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]

settings.configure(
    SECRET_KEY="bench",  # noqa: S106 - nothing is signed with it
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django_eventstream"],
    USE_TZ=True,
)
django.setup()

import django_eventstream  # type: ignore[import-not-found]  # noqa: E402
from django.core.asgi import get_asgi_application  # type: ignore[import-not-found]  # noqa: E402
from django.urls import include, path  # type: ignore[import-not-found]  # noqa: E402

urlpatterns = [
    path("events/<user>", include(django_eventstream.urls), {"format-channels": ["{user}"]}),
]
_django = get_asgi_application()
kept: list[object] = []


async def listen() -> None:
    """Each row to its user's channel."""
    listener = await asyncpg.connect(os.environ["DATABASE_URL"])

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        row = json.loads(str(payload))
        django_eventstream.send_event(row["user_id"], "message", row)

    await listener.add_listener("peer_messages", hear)
    kept.append(listener)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Django, which knows no lifespan, and the listener, which needs one."""
    if scope["type"] != "lifespan":
        await _django(scope, receive, send)
        return
    await receive()
    await listen()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.sleep(0)
    await send({"type": "lifespan.shutdown.complete"})
