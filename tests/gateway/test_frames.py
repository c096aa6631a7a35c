"""Where frames end, beside what `websockets` itself makes of them."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from gateway.realtime.frames import are_whole_frames, text_frame

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) | st.integers(0, 300)


def masked(sizes: list[int]) -> bytes:
    return b"".join(Frame(Opcode.TEXT, b"x" * size).serialize(mask=True) for size in sizes)


@given(st.lists(SIZES, min_size=1, max_size=4))
def test_frames_of_a_client_are_whole(sizes: list[int]) -> None:
    assert are_whole_frames(masked(sizes))


@given(st.lists(SIZES, min_size=1, max_size=3), st.data())
def test_a_part_of_them_is_not_unless_it_ends_where_one_does(sizes: list[int], data: st.DataObject) -> None:
    whole = masked(sizes)
    end = data.draw(st.integers(1, len(whole) - 1))
    ends = {len(masked(sizes[:count])) for count in range(1, len(sizes))}
    assert are_whole_frames(whole[:end]) == (end in ends)


@given(st.binary(max_size=200_000) | SIZES.map(lambda size: b"y" * size))
def test_text_frames_are_read_by_websockets(payload: bytes) -> None:
    client = Protocol(Side.CLIENT, max_size=None)
    client.receive_data(text_frame(payload))
    [frame] = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, payload, True)
