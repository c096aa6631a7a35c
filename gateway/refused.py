"""How often which refusal was answered, over HTTP and in handshakes. The labels are `errors.STATUS_BY_CODE`'s codes."""

from prometheus_client import Counter

from gateway.errors import ERRORS, ApiError

REFUSED = Counter("onesms_refusals", "Refusals answered, by error code.", ["error_code"])

# A rate needs the zero before the first.
for _code in ERRORS:
    REFUSED.labels(_code)


def note_refusal(error: ApiError) -> None:
    """It is being answered."""
    REFUSED.labels(error.body["error_code"]).inc()
