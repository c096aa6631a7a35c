"""Bounded reading of request bodies."""

from starlette.requests import Request

BODY_BYTES_MAX = 64 << 10


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes | None:
    """Read the whole body; None if it is longer than bytes_max."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return None
    return bytes(body)
