"""Cursors: what is written is read back, and whatever else a client may send stands for no place."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.realtime.cursor import read_cursor, write_cursor

EPOCH = "0123abcd"
USER = "8c2f6a51-1111-4222-8333-944455556666"

epochs = st.text("0123456789abcdef", min_size=8, max_size=8)


@given(epochs, st.uuids(), st.integers(0, 10**18 - 1))
def test_cursor_is_read_back(epoch: str, user_id: UUID, seq: int) -> None:
    assert read_cursor(write_cursor(epoch, str(user_id), seq), epoch, str(user_id)) == seq


@given(epochs, epochs, st.integers(0, 10**18 - 1))
def test_cursor_of_another_epoch_is_none(epoch: str, other: str, seq: int) -> None:
    found = read_cursor(write_cursor(other, USER, seq), epoch, USER)
    assert found == (seq if epoch == other else None)


def test_cursor_of_another_user_is_none() -> None:
    assert read_cursor(write_cursor(EPOCH, str(uuid4()), 7), EPOCH, USER) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "7",
        f"{EPOCH}-{USER[:8]}",
        f"{EPOCH}-{USER[:8]}-",
        f"{EPOCH}-{USER[:8]}--1",
        f"{EPOCH}-{USER[:8]}-+7",
        f"{EPOCH}-{USER[:8]}-7 ",
        f" {EPOCH}-{USER[:8]}-7",
        f"{EPOCH}-{USER[:8]}-7\n",
        f"{EPOCH}-{USER[:8]}-0x7",
        f"{EPOCH}-{USER[:8]}-7e3",
        f"{EPOCH.upper()}-{USER[:8]}-7",
        f"{EPOCH}-{USER}-7",
        f"{EPOCH}-{USER[:8]}-{10**18}",
        f"{EPOCH}-{USER[:8]}-\u0667",  # a digit, in Arabic
    ],
)
def test_what_is_no_cursor_is_none(text: str | None) -> None:
    assert read_cursor(text, EPOCH, USER) is None


@given(st.text())
def test_any_text_is_taken_calmly(text: str) -> None:
    assert read_cursor(text, EPOCH, USER) is None or text.startswith(f"{EPOCH}-{USER[:8]}-")
