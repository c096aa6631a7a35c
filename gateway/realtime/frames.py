"""The shape of WebSocket frames on the wire (RFC 6455 section 5.2), as far as it is ours. Pure: bytes in, bytes out.

What comes from clients is parsed and judged by `websockets`; here is only seen where its frames end.
"""

MASK_BYTES = 4
"""A client's frames are masked, or wrong: which the parser says."""


def text_frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """The payload as one final, unmasked text frame; `compressed` sets RSV1 (RFC 7692 section 6)."""
    first = b"\xc1" if compressed else b"\x81"
    length = len(payload)
    if length < 126:
        return first + bytes((length,)) + payload
    if length < 65_536:
        return first + b"\x7e" + length.to_bytes(2, "big") + payload
    return first + b"\x7f" + length.to_bytes(8, "big") + payload


def are_whole_frames(data: bytes) -> bool:
    """Whether bytes that begin with a client's frame end with one, too: then a parser of them awaits nothing more."""
    at, size = 0, len(data)
    while at + 2 <= size:
        length, head = data[at + 1] & 0x7F, 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        at += head + MASK_BYTES + length
    return at == size
