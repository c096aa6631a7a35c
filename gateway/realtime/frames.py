"""The shape of WebSocket frames on the wire (RFC 6455 section 5.2), as far as it is ours. Pure: bytes in, bytes out.

What comes from clients is parsed and judged by `websockets`; here is only seen where its frames end.
"""

MASK_BYTES = 4
LENGTH_BYTES = {126: 2, 127: 8}
"""Of a payload's length, if it does not fit into the second byte."""


def text_frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """The payload as one final, unmasked text frame; `compressed` sets RSV1 (RFC 7692 section 6)."""
    first = b"\xc1" if compressed else b"\x81"
    length = len(payload)
    if length < 126:
        return first + bytes((length,)) + payload
    if length < 65_536:
        return first + b"\x7e" + length.to_bytes(2, "big") + payload
    return first + b"\x7f" + length.to_bytes(8, "big") + payload


def take_frames(data: bytes, payload_max: int) -> tuple[list[bytes], bytes]:
    """Cut what came from a client into frames; returns the whole ones, and the beginning of the next.

    One that is not masked, or announces more than `payload_max`, is not waited for: with all behind it it is the last
    of the frames, for the parser to refuse.
    """
    frames: list[bytes] = []
    at, size = 0, len(data)
    while size - at >= 2:
        length, head = data[at + 1] & 0x7F, 2
        if more := LENGTH_BYTES.get(length, 0):
            length, head = int.from_bytes(data[at + 2 : at + 2 + more], "big"), 2 + more
        if not data[at + 1] & 0x80 or (size - at >= head and length > payload_max):
            return [*frames, data[at:]], b""
        end = at + head + MASK_BYTES + length
        if size - at < head or end > size:
            break
        frames.append(data[at:end])
        at = end
    return frames, data[at:]
