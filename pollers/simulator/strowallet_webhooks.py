"""What the simulated Strowallet tells by webhook: flat JSON with `event`, signed or not.

Signed means `X-Strowallet-Timestamp` (seconds) and `X-Strowallet-Signature`, the hex HMAC-SHA256 of timestamp, a dot
and the body as it is sent; the real one's way of signing is documented nowhere. Each telling has an `event_id` of its
own, which its repetitions keep. Pure.
"""

import hashlib
import hmac
from collections.abc import Iterator

import orjson

from pollers.simulator.request import plain_time
from pollers.simulator.strowallet_account import StrowalletAccount

SIGNATURE_HEADER, TIMESTAMP_HEADER = "X-Strowallet-Signature", "X-Strowallet-Timestamp"


def card_news(
    account: StrowalletAccount, urls: tuple[str, ...], secret: str | None, now: float
) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """What has happened since the last time, as (URL, body, headers). now: epoch seconds, by the account's clock."""
    account.advance(now)
    news = list(account.news)
    account.news.clear()
    for event, said in news:
        event_id = f"evt_{account.till.draw_id()}"
        body = orjson.dumps({"event_id": event_id, "event": event, "date": plain_time(now), **said})
        for url in urls:
            yield url, body, {} if secret is None else signed(body, secret, int(now))


def signed(body: bytes, secret: str, at: int) -> dict[str, str]:
    """The headers of a signed webhook."""
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: signature}
