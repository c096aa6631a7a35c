"""Bounded reading of request bodies."""

from starlette.requests import Request

BODY_BYTES_MAX = 64 << 10


async def read_body(request: Request) -> bytes | None:
    """Read the whole body; None if it is longer than BODY_BYTES_MAX."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)
