"""Where an address leads, fit to be printed: host and port. Pure.

User, password, path and query are left out: each may be a secret, as in the address of a chat's webhook.
"""

from urllib.parse import urlsplit


def origin_of(url: str) -> str:
    """`https://provider.example`, of whatever comes before and behind it; `its address` if it cannot be read."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "its address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
