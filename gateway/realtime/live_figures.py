"""What happens right now, for operators: asked of all gateways, and pushed to whoever is connected as the operators.

The notice is of no stream: one that is lost is followed by the next. Nobody connected, nothing is asked.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import structlog

from gateway.realtime.counted import TRANSPORTS
from gateway.realtime.messages import Message
from gateway.realtime.permits import Permits
from gateway.realtime.roll_call import RollCall
from notifier.retry import DATABASE_FAULTS
from wallet_db import operators
from wallet_db.connect import Pool
from wallet_db.events import OPERATORS

log = structlog.get_logger()

PERIOD_S = 2.0


async def live_figures(operator_pool: Pool, roll_call: RollCall) -> dict[str, Any]:
    """Of all gateways together; sums count from their start, so two readings make a rate. Raises DATABASE_FAULTS."""
    rolls = await roll_call.call()
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "gateways": [roll.name for roll in rolls],
        "connections": {name: sum(roll.connections.get(name, 0) for roll in rolls) for name in TRANSPORTS},
        "users": sum(roll.users for roll in rolls),
        **await operators.read_pulse(operator_pool),
        "delivery_s_sum": round(sum(roll.delivery_s_sum for roll in rolls), 6),
        "delivery_count": sum(roll.delivery_count for roll in rolls),
    }


async def tell_live(operator_pool: Pool, permits: Permits, roll_call: RollCall, *, period_s: float = PERIOD_S) -> None:
    """Push the figures to the operators' connections, again and again, until cancelled."""
    faulty = False
    while True:
        await asyncio.sleep(period_s)
        if not permits.of(UUID(OPERATORS)):
            continue
        try:
            figures = await live_figures(operator_pool, roll_call)
        except DATABASE_FAULTS as error:
            if not faulty:
                log.warning("live figures not told", error=str(error) or type(error).__name__)
            faulty = True
            continue
        faulty = False
        message = Message("admin.live", orjson.dumps({"type": "admin.live", **figures}))
        for permit in permits.of(UUID(OPERATORS)):
            permit.say(message)
