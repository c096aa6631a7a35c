"""Images that come with a customer: base64 in, bytes of a known kind out. Pure.

What an image is, its first bytes say, never its sender. A `data:` address is taken as browsers make them. Nothing is
drawn or unpacked here; whoever looks at a document does so with the provider.
"""

import binascii
from base64 import b64decode
from dataclasses import dataclass

SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
BYTES_MIN = 64
"""Anything smaller shows nobody."""


class NoImage(Exception):
    """What came is none that is taken; the text says what was expected."""


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """A document's content."""

    content_type: str
    content: bytes


def base64_chars(bytes_max: int) -> int:
    """How long the text of so many bytes may be, with the head of a `data:` address."""
    return (bytes_max + 2) // 3 * 4 + len("data:image/jpeg;base64,")


def read_image(text: str, bytes_max: int) -> Image:
    """The image. Raises NoImage."""
    if len(text) > base64_chars(bytes_max):
        raise NoImage(f"expected an image of at most {bytes_max} bytes")
    head, comma, rest = text.partition(",")
    try:
        content = b64decode(rest if comma else text, validate=True)
    except (binascii.Error, ValueError):
        raise NoImage("expected base64 (RFC 4648 section 4)") from None
    if not BYTES_MIN <= len(content) <= bytes_max:
        raise NoImage(f"expected an image of {BYTES_MIN} to {bytes_max} bytes, got {len(content)}")
    kinds = [kind for kind, signature in SIGNATURES.items() if content.startswith(signature)]
    if not kinds:
        raise NoImage("expected a JPEG or a PNG")
    if comma and head != f"data:{kinds[0]};base64":
        raise NoImage(f"expected data:{kinds[0]};base64, before this image")
    return Image(kinds[0], content)
