"""Where keys come from: a file or an address that is read again now and then, and when a token names a key not known.

The last set that could be read is kept until another can be. However many tokens name unknown keys, the issuer is asked
once in `gap_s`; who asks meanwhile waits for the answer that is under way.
"""

import asyncio
import time
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import jwt
import structlog

from gateway.auth.keys import ALGORITHMS, KeySet, verifies

log = structlog.get_logger()

REFRESH_S = 300.0
RETRY_S = 5.0
"""After a reading that failed while there are no keys at all."""
GAP_S = 5.0
FETCH_S = 5.0
DOCUMENT_BYTES_MAX = 262_144
FAULTS = (OSError, TimeoutError, ValueError, httpx.HTTPError, httpx.InvalidURL)


def is_address(source: str) -> bool:
    """Whether it is to be fetched, and not a file's path."""
    return source.startswith(("https://", "http://"))


def is_safe_address(address: str) -> bool:
    """Whether what comes from there is what was sent: it is encrypted on the way, or never leaves this machine."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class Jwks:
    """The key set at `source`."""

    def __init__(self, source: str, *, gap_s: float = GAP_S, refresh_s: float = REFRESH_S) -> None:
        self.keys = KeySet({})
        self._source = source
        self._gap_s = gap_s
        self._refresh_s = refresh_s
        self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._client = httpx.AsyncClient(timeout=FETCH_S) if is_address(source) else None

    async def refresh(self) -> None:
        """Read the set; what went wrong is logged, and the former set stays."""
        self._asked_at = time.monotonic()
        try:
            async with asyncio.timeout(FETCH_S):
                self.keys = KeySet.parse(await self._document())
        except FAULTS as error:
            log.warning("jwks.unreadable", source=self._source, error=str(error) or type(error).__name__)

    async def know_key_of(self, token: str) -> None:
        """Read the set again if it lacks the token's key, unless that was done just now.

        That is the key it names; if it names none, and the only one there is does not verify it, the next one.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS.values():
            return
        key = self.keys.find(kid, algorithm)
        if key is not None and (kid is not None or verifies(token, key, algorithm)):
            return
        if self._reading is None and time.monotonic() - self._asked_at >= self._gap_s:
            self._reading = asyncio.create_task(self.refresh())
            self._reading.add_done_callback(self._has_read)
        if self._reading is not None:
            await asyncio.shield(self._reading)

    async def run(self) -> None:
        """Read the set again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._refresh_s if self.keys else min(RETRY_S, self._refresh_s))
                await self.refresh()
        finally:
            if self._client is not None:
                await self._client.aclose()

    def _has_read(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _document(self) -> bytes:
        if self._client is None:
            return await asyncio.to_thread(Path(self._source).read_bytes)
        async with self._client.stream("GET", self._source, headers={"accept": "application/json"}) as answer:
            answer.raise_for_status()
            document = b""
            async for part in answer.aiter_bytes():
                document += part
                if len(document) > DOCUMENT_BYTES_MAX:
                    raise ValueError(f"expected at most {DOCUMENT_BYTES_MAX} bytes")
            return document
