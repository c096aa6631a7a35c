"""Whether a webhook is from who shares a secret with us, and from now. Pure.

    X-Strowallet-Timestamp: 1763757074                       seconds since 1970, UTC
    X-Strowallet-Signature: HMAC-SHA256, in hex, of the timestamp as it was sent, a full stop, and the body's bytes

The signature is compared in constant time, with the secret and the one before it in any case, and before the timestamp
is believed. A header that stands there twice is none: a proxy may have read the other one.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

SIGNATURE, TIMESTAMP = "x-strowallet-signature", "x-strowallet-timestamp"
DRIFT_S_MAX = 300
"""Between the sender's clock and ours; so long a webhook that somebody has overheard can be sent again."""

_HEX = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Verdict(Enum):
    """What is to be thought of it. The values are labels of a metric."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    """A header is missing, stands there twice, or cannot be one."""
    FORGED = "forged"
    """Signed otherwise: with another secret, or something was changed since."""
    STALE = "stale"
    """Signed by us both, but too long ago, or in the future."""


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSecrets:
    """What the sender signs with."""

    current: bytes
    previous: bytes | None = None
    """Counts as well, until `previous_until_s`: while the sender goes over to the current one."""
    previous_until_s: float | None = None
    """Seconds since 1970; None: for as long as it is given."""

    def at(self, now_s: float) -> list[bytes]:
        """Those that count at this time."""
        is_over = self.previous_until_s is not None and now_s >= self.previous_until_s
        return [self.current] if self.previous is None or is_over else [self.current, self.previous]


def verdict_of(
    signatures: Sequence[str], timestamps: Sequence[str], body: bytes, secrets: WebhookSecrets, now_s: float
) -> Verdict:
    """signatures, timestamps: the values of all headers of these names."""
    if len(signatures) != 1 or len(timestamps) != 1:
        return Verdict.UNSIGNED
    signature, timestamp = signatures[0], timestamps[0]
    if not _HEX.fullmatch(signature) or not _SECONDS.fullmatch(timestamp):
        return Verdict.UNSIGNED
    matches = [hmac.compare_digest(signature.lower(), sign(each, timestamp, body)) for each in secrets.at(now_s)]
    if not any(matches):
        return Verdict.FORGED
    return Verdict.SIGNED if abs(now_s - int(timestamp)) <= DRIFT_S_MAX else Verdict.STALE


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature a sender gives."""
    return hmac.new(secret, timestamp.encode() + b"." + body, sha256).hexdigest()
