"""`POST /webhooks/{provider}`: a provider says that an SMS has come. A hint: the order is looked at sooner, no more.

Nobody signs these, so nothing in them is believed but which order to look at, and that only from the addresses the
provider has. A code or text that stands in them is neither kept nor logged: the poller asks the provider. So a webhook
that is lost, doubled or made up changes nothing but the time of a look, at most one a second for an order.
Whatever was understood is answered 200, known order or not, for the provider would only tell it again.

    SMS-Activate    {"activationId", …}; of a rental {"rentId", …}
    HeroSMS         {"activationId", …}
"""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs

import orjson
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.requests import bytes_of
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Heard
from gateway.errors import ApiError
from gateway.realtime.limits import TrustedProxies, parse_address
from gateway.realtime.realtime import peer_of
from gateway.settings import GatewaySettings
from wallet_db.accounts import hint_order

BODY_BYTES_MAX = 16_384
"""An SMS of many parts, and room."""
ID_NAMES = ("activationId", "rentId", "id")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

HEARD = Counter("onesms_webhooks", "Webhooks of providers, by what they told of.", ["provider", "outcome"])
"""outcome: known (an open order of ours), unknown, unreadable, stranger (not from the provider's addresses)."""


@operation(
    "POST",
    "/webhooks/{provider}",
    tag="webhooks",
    access=Access.PROVIDER,
    is_limited=False,
    repeat="The order is looked at once more, at most once a second.",
    gives={200: Answer("Understood, known order or not.", Heard)},
    refuses=("UNKNOWN_SENDER", "NOT_FOUND", "BODY_TOO_LARGE"),
)
async def hear(call: Call, provider: str) -> Response:
    """Hear from a provider that an SMS has come: a hint to look at the order now.

    Nothing in it is believed but which order it names (`activationId`, `rentId` or `id`; JSON or a form).
    """
    request, services = call.request, call.services
    allowed = _addresses_of(services.settings).get(provider)
    if allowed is None:
        raise ApiError("NOT_FOUND", "no provider of this name sends webhooks")
    if not _comes_from(request, services.settings, allowed):
        HEARD.labels(provider, "stranger").inc()
        raise ApiError("UNKNOWN_SENDER", "expected the provider's own address")
    order_id = order_id_in(await bytes_of(request, BODY_BYTES_MAX))
    if order_id is None:
        outcome = "unreadable"
    else:
        outcome = "known" if await hint_order(services.pool, provider, order_id) else "unknown"
    HEARD.labels(provider, outcome).inc()
    return JsonResponse({"success": True})


def order_id_in(body: bytes) -> str | None:
    """The order a webhook tells of, whether it is JSON or a form; None: it names none."""
    said: Any
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            said = {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=100).items()}
        except ValueError:
            return None
    if not isinstance(said, dict):
        return None
    for name in ID_NAMES:
        value = said.get(name)
        if isinstance(value, int | str) and not isinstance(value, bool) and _ID.fullmatch(str(value)):
            return str(value)
    return None


def _addresses_of(settings: GatewaySettings) -> dict[str, str]:
    return {
        "sms_activate": settings.sms_activate_webhook_addresses,
        "herosms": settings.herosms_webhook_addresses,
    }


def _comes_from(request: Request, settings: GatewaySettings, allowed: str) -> bool:
    origin = TrustedProxies.parse(settings.trusted_proxies).origin(*peer_of(request.scope))
    address = parse_address(origin)
    if address is None:
        return False
    if settings.demo and address.is_loopback:
        return True  # the simulator
    return any(address in ip_network(part.strip()) for part in allowed.split(",") if part.strip())


OPERATIONS = (hear,)
