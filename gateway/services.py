"""The gateway's frame: what a process holds, and the tasks that live as long as it does.

Tasks: the bus's listener and that for tokens, the hub, the heartbeats, who is connected, and with BUS=local the
follower. They are supervised: if one dies the process stops, loudly, rather than go on half alive.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from gateway.auth import Authenticator, Jwks
from gateway.cards import Cards
from gateway.offers import Offers
from gateway.realtime.auth_listener import AuthListener
from gateway.realtime.live_figures import tell_live
from gateway.realtime.messages import Message, event_message
from gateway.realtime.presence import tell_presence
from gateway.realtime.realtime import Realtime
from gateway.realtime.roll_call import ANSWERED, ASKED, RollCall
from gateway.settings import GatewaySettings
from gateway.users import Users
from notifier.bus import open_bus
from notifier.event import Event
from notifier.follower import follow
from notifier.hub import Hub
from notifier.pool_metrics import measure_pool
from wallet_db.cards import ANSWERS as CARD_ANSWERS
from wallet_db.connect import Pool, pool
from wallet_db.events import read_epoch, read_heads, read_streams
from wallet_db.roles import GATEWAY, OPERATOR

log = structlog.get_logger()

OPERATOR_CONNECTIONS_MAX = 3


@dataclass(frozen=True, slots=True)
class Services:
    """What routes and transports are given."""

    settings: GatewaySettings
    pool: Pool
    """Acts as the gateway's role, which tops nobody up."""
    operator_pool: Pool | None
    """Acts as an operator, over a login of its own: `pool` can do no more for it. None: operators are not served."""
    authenticator: Authenticator
    users: Users
    hub: Hub[Message]
    realtime: Realtime
    offers: Offers
    roll_call: RollCall
    cards: Cards
    hearing: asyncio.Event
    """Set while the bus can be heard."""

    @contextmanager
    def hub_watch(self, user_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever something happens to this user; begin before what is waited for can happen."""
        wake = asyncio.Event()
        unwatch = self.hub.watch(str(user_id), wake.set)
        try:
            yield wake
        finally:
            unwatch()


@asynccontextmanager
async def open_services(
    settings: GatewaySettings, database_url: str, failed: Callable[[BaseException], None]
) -> AsyncIterator[Services]:
    """Everything the process holds, running; `failed` is called if a task of it dies. Raises DatabaseUnavailable."""
    operators: AbstractAsyncContextManager[Pool | None] = nullcontext()
    if (operator_url := settings.operator_url(database_url)) is not None:
        operators = pool(operator_url, "operators", role=OPERATOR, connections_max=OPERATOR_CONNECTIONS_MAX)
    async with (
        pool(database_url, "gateway", role=GATEWAY, connections_max=settings.database_connections_max) as connections,
        operators as operator_pool,
    ):

        def encode(event: Event) -> Message:
            return event_message(event, hub.epoch)

        epoch = await read_epoch(connections)
        hub: Hub[Message] = Hub(encode, partial(read_streams, connections), partial(read_heads, connections), epoch)
        jwks = Jwks(settings.jwt_jwks) if settings.jwt_jwks is not None else None
        if jwks is not None:
            await jwks.refresh()
        authenticator = Authenticator(
            settings.jwt_key(),
            jwks,
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            lifetime_s_max=settings.token_lifetime_s_max,
        )
        users = Users(connections)
        realtime = Realtime(settings, authenticator, connections, hub, users)
        roll_call = RollCall(connections, realtime.permits, authenticator)
        cards = Cards.open(settings, connections, hub.watch)
        also = {ASKED: roll_call.hear, ANSWERED: roll_call.hear, CARD_ANSWERS: cards.reveals.hear}
        auth_listener = AuthListener(database_url, realtime.permits, settings.token_lifetime_s_max, also=also)
        await auth_listener.read(connections)  # before anybody is let in
        bus = open_bus(settings.bus, database_url, GATEWAY, nats_url=settings.nats_url.get_secret_value())
        hearing = asyncio.Event()

        def hears() -> None:
            hearing.set()
            hub.sweep_soon()  # what was published before went unheard

        async def run() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bus.listen(hub.receive, hears, hearing.clear))
                tasks.create_task(hub.run())
                tasks.create_task(realtime.run())
                tasks.create_task(auth_listener.run())
                tasks.create_task(measure_pool(connections, "gateway"))
                tasks.create_task(tell_presence(connections, lambda: realtime.users))
                if operator_pool is not None:
                    tasks.create_task(tell_live(operator_pool, realtime.permits, roll_call))
                if jwks is not None:
                    tasks.create_task(jwks.run())
                if settings.bus == "local":
                    tasks.create_task(follow(database_url, bus, settings.tempo, GATEWAY))

        running = asyncio.create_task(run())
        running.add_done_callback(lambda task: None if task.cancelled() else failed(task.exception() or EOFError()))
        try:
            yield Services(
                settings,
                connections,
                operator_pool,
                authenticator,
                users,
                hub,
                realtime,
                Offers(connections),
                roll_call,
                cards,
                hearing,
            )
        finally:
            running.cancel()
            await asyncio.wait({running})
