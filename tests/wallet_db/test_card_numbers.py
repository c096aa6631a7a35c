"""Full numbers and security codes: found in text, withheld from JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_db.card_numbers import HIDDEN, has_card_number, is_secret_name, without_card_numbers

VISA, AMEX = "4111111111111111", "378282246310005"


@pytest.mark.parametrize(
    "text", [VISA, AMEX, "4111 1111 1111 1111", "4111-1111-1111-1111", f"paid with {VISA}, thanks", f"x{VISA}y"]
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert has_card_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "6001119434", "4111111111111112", "411111111111", "2026-01-01 12:00:00", "4111  1111 1111 1111"],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert not has_card_number(text)


@pytest.mark.parametrize(
    "name", ["cvv", "CVV2", "card_number", "cardNumber", "card-number", "Card Number", "pan", "PIN"]
)
def test_names_give_away_what_is_short(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["card_id", "cardId", "company", "shopping", "pin_code_of_city", "narrative"])
def test_other_names_give_nothing_away(name: str) -> None:
    assert not is_secret_name(name)


def test_json_keeps_all_but_what_must_not_be_kept() -> None:
    assert without_card_numbers(
        {
            "event": "virtualcard.created.complete",
            "cardId": "6001119434",
            "amount": 3.5,
            "ok": True,
            "none": None,
            "cvv": 123,
            "data": [{"card_number": "short", "note": f"of {VISA}!"}, int(VISA)],
            VISA: 1,
        }
    ) == {
        "event": "virtualcard.created.complete",
        "cardId": "6001119434",
        "amount": 3.5,
        "ok": True,
        "none": None,
        "cvv": HIDDEN,
        "data": [{"card_number": HIDDEN, "note": f"of {HIDDEN}!"}, HIDDEN],
        HIDDEN: 1,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([VISA, AMEX, int(VISA)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(VISA), inner, max_size=3),
    max_leaves=20,
)


@given(JSON)
def test_no_number_is_left_in_any_json(document: object) -> None:
    left = without_card_numbers(document)
    assert VISA not in repr(left)
    assert AMEX not in repr(left)
