"""Refusals of what does not reach the application, and how often which was answered by whomever.

The labels are the codes of `errors.ERRORS`.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import orjson
from prometheus_client import Counter

from gateway.errors import ERRORS, ApiError
from gateway.headers import HEADERS
from gateway.request_ids import request_id_of

REFUSED = Counter("onesms_refusals", "Refusals answered, by error code.", ["error_code"])

# A rate needs the zero before the first.
for _code in ERRORS:
    REFUSED.labels(_code)


def note_refusal(error: ApiError) -> None:
    """It is being answered."""
    REFUSED.labels(error.body["error_code"]).inc()


def refusal(error: ApiError, asked: Iterable[tuple[bytes, bytes]], further: Mapping[str, str]) -> bytes:
    """The last answer of a connection, head and body. asked: the request's headers, as far as they came.

    further: headers of the answer. It is noted.
    """
    note_refusal(error)
    request_id = request_id_of(asked)
    body = orjson.dumps({**error.body, "request_id": request_id})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "connection": "close",
        "x-request-id": request_id,
        **HEADERS,
        **further,
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
