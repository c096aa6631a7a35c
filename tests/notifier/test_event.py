import orjson
from hypothesis import given
from hypothesis import strategies as st

from notifier.event import BATCH_BYTES_MAX, Event, count_lines, decode_batch, encode_batch

USER = "6c7b1c1e-9f5d-4b0c-8f3e-0a4f5f1f2a11"

# What jsonb prints: control characters escaped, everything else as it is, other line separators included.
payloads = st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5).map(
    lambda data: orjson.dumps(data).decode()
)
events = st.builds(
    Event,
    st.uuids().map(str),
    st.integers(1, 2**63 - 1),
    st.sampled_from(["sms.received", "balance.changed", "activation.updated"]),
    st.just("2026-11-21T01:02:03.456Z"),
    payloads,
)


def event(payload: str = "{}", seq: int = 1, kind: str = "test") -> Event:
    return Event(USER, seq, kind, "2026-11-21T01:02:03.456Z", payload)


@given(st.lists(events, max_size=60))
def test_a_batch_comes_back_as_it_was(sent: list[Event]) -> None:
    batches = encode_batch(sent)
    assert all(len(batch.encode()) <= BATCH_BYTES_MAX for batch in batches)
    assert [received for batch in batches for received in decode_batch(batch)] == sent


def test_batches_are_as_few_as_fit() -> None:
    line_bytes = len(encode_batch([event()])[0].encode()) + 1
    fitting = (BATCH_BYTES_MAX + 1) // line_bytes
    assert len(encode_batch([event()] * fitting)) == 1
    assert len(encode_batch([event()] * (fitting + 1))) == 2
    assert encode_batch([]) == []


def test_an_event_too_long_travels_as_a_hint() -> None:
    long = event('{"text": "' + "é" * 4000 + '"}', seq=7)
    before, hint, after = [got for batch in encode_batch([event(), long, event()]) for got in decode_batch(batch)]
    assert (hint.user_id, hint.seq, hint.is_hint) == (USER, 7, True)
    assert not before.is_hint
    assert not after.is_hint


def test_a_separator_within_a_field_makes_a_hint_and_no_forged_line() -> None:
    for kind in ("a\tb", f"a\n{USER}\t9\tforged\tnow\t{{}}"):
        assert [(got.seq, got.is_hint) for got in decode_batch("".join(encode_batch([event(kind=kind)])))] == [
            (1, True)
        ]


def test_unicode_line_separators_are_no_line_ends() -> None:
    sent = event('{"text": "a\u2028b\u2029c\u0085d"}')
    assert decode_batch("".join(encode_batch([sent]))) == [sent]


@given(st.text())
def test_noise_never_raises(text: str) -> None:
    assert len(decode_batch(text)) <= count_lines(text)


def test_a_line_that_is_no_event_costs_only_itself() -> None:
    good = encode_batch([event(seq=1), event(seq=2)])[0].split("\n")
    text = "\n".join([good[0], "rubbish", f"{USER}\tx\ttest\tnow\t{{}}", f"{USER}\t²\ttest\tnow\t{{}}", good[1]])
    assert [got.seq for got in decode_batch(text)] == [1, 2]
    assert count_lines(text) == 5
