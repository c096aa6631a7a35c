"""Where frames end, beside what `websockets` itself makes of them."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from gateway.realtime.frames import take_frames, text_frame

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) | st.integers(0, 300)


def masked(sizes: list[int]) -> bytes:
    return b"".join(Frame(Opcode.TEXT, b"x" * size).serialize(mask=True) for size in sizes)


@given(st.lists(SIZES, min_size=1, max_size=4), st.data())
def test_frames_are_cut_where_they_end_however_they_come(sizes: list[int], data: st.DataObject) -> None:
    frames = [masked([size]) for size in sizes]
    stream = b"".join(frames)
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    found: list[bytes] = []
    rest = b""
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        whole, rest = take_frames(rest + stream[start:end], 100_000)
        found += whole
        assert len(rest) < 100_000 + 14
    assert (found, rest) == (frames, b"")


def test_byte_by_byte() -> None:
    stream, found, rest = masked([0, 126, 5]), [], b""
    for at in range(len(stream)):
        whole, rest = take_frames(rest + stream[at : at + 1], 1_000)
        found += whole
    assert (b"".join(found), rest) == (stream, b"")


def test_what_the_parser_will_refuse_is_not_waited_for() -> None:
    unmasked = Frame(Opcode.TEXT, b"{}").serialize(mask=False)
    fine = masked([3])
    assert take_frames(fine + unmasked[:2] + b"more", 100) == ([fine, unmasked[:2] + b"more"], b"")
    announced = masked([101])[:3]
    assert take_frames(announced, 100) == ([announced], b"")
    huge = masked([70_000])[:10]
    assert take_frames(huge, 69_999) == ([huge], b"")
    assert take_frames(huge[:9], 69_999) == ([], huge[:9])  # its length has not come


@given(st.binary(max_size=200_000) | SIZES.map(lambda size: b"y" * size))
def test_text_frames_are_read_by_websockets(payload: bytes) -> None:
    client = Protocol(Side.CLIENT, max_size=None)
    client.receive_data(text_frame(payload))
    [frame] = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, payload, True)
