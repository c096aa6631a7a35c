"""`POST /webhooks/strowallet`: the provider of cards says that something has happened. A signed hint, and no more.

Only what is signed with our secret, and lately, is read (`gateway.auth.webhook_signature`); it is kept once by its id,
and a poller looks at the card before anything follows. One sent again is answered as the first was and changes nothing.
What is not signed is refused, counted, and told to the log and to the table, once in some seconds at most, for anybody
may send as many as they like.
"""

import time
from typing import NoReturn
from uuid import uuid4

import structlog
from prometheus_client import Counter
from starlette.responses import Response

from gateway.api.cards.notice import read_notice
from gateway.api.operation import Access, Call, operation
from gateway.api.requests import bytes_of
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Heard
from gateway.auth.webhook_signature import SIGNATURE, TIMESTAMP, Verdict, verdict_of
from gateway.errors import ApiError
from gateway.realtime.limits import TrustedProxies
from gateway.realtime.realtime import peer_of
from gateway.settings import CARD_PROVIDER
from wallet_db.cards import take_card_webhook

log = structlog.get_logger()

BODY_BYTES_MAX = 65_536

HEARD = Counter("onesms_card_webhooks", "Webhooks of the provider of cards, by what was thought of them.", ["outcome"])
"""outcome: taken, replayed (here before), unreadable (signed, and no JSON object), unsigned, forged, stale."""
REFUSED = (Verdict.UNSIGNED, Verdict.FORGED, Verdict.STALE)
for _outcome in ("taken", "replayed", "unreadable", *(verdict.value for verdict in REFUSED)):
    HEARD.labels(_outcome)


@operation(
    "POST",
    "/webhooks/strowallet",
    tag="webhooks",
    access=Access.PROVIDER,
    is_limited=False,
    repeat="It changes nothing, by the event's id.",
    gives={200: Answer("Kept, or here already.", Heard)},
    refuses=("BODY_TOO_LARGE", "CARDS_NOT_CONFIGURED", "INVALID_JSON", "SIGNATURE_INVALID"),
)
async def hear(call: Call) -> Response:
    """Hear from the provider of cards that something has happened: a hint to look at the card now.

    Signed: `X-Strowallet-Signature` is the HMAC-SHA256, in hex, of `X-Strowallet-Timestamp`, a full stop and the body.
    """
    secrets = call.services.cards.webhook_secrets()
    if secrets is None:
        raise ApiError("CARDS_NOT_CONFIGURED", "webhooks are not taken here: STROWALLET_WEBHOOK_SECRET is not set")
    headers = call.request.headers
    body = await bytes_of(call.request, BODY_BYTES_MAX)
    verdict = verdict_of(headers.getlist(SIGNATURE), headers.getlist(TIMESTAMP), body, secrets, time.time())
    if verdict is not Verdict.SIGNED:
        await _refuse(call, verdict)
    notice = read_notice(body)
    if notice is None:
        HEARD.labels("unreadable").inc()
        log.warning("signed webhook is unreadable", size=len(body))
        raise ApiError("INVALID_JSON", "expected a JSON object as body")
    is_new = await take_card_webhook(
        call.services.pool,
        event_id=notice.event_id,
        event=notice.event,
        provider=CARD_PROVIDER,
        provider_card_id=notice.provider_card_id,
        payload=notice.payload,
        signature_valid=True,
    )
    HEARD.labels("taken" if is_new else "replayed").inc()
    return JsonResponse({"success": True})


async def _refuse(call: Call, verdict: Verdict) -> NoReturn:
    """Raises ApiError SIGNATURE_INVALID."""
    HEARD.labels(verdict.value).inc()
    if call.services.cards.refusals.take(CARD_PROVIDER, time.monotonic()) is None:
        proxies = TrustedProxies.parse(call.services.settings.trusted_proxies)
        address = proxies.origin(*peer_of(call.request.scope))
        log.warning("webhook refused", category="security", verdict=verdict.value, address=address)
        # By an id of its own: a forged one must not take the place of a true one that is still to come.
        await take_card_webhook(
            call.services.pool,
            event_id=f"refused:{uuid4()}",
            event=verdict.value,
            provider=CARD_PROVIDER,
            provider_card_id=None,
            payload={},
            signature_valid=False,
        )
    raise ApiError(
        "SIGNATURE_INVALID", f"expected a webhook signed with our secret, within five minutes: {verdict.value}"
    )


OPERATIONS = (hear,)
