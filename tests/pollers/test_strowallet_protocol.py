"""Strowallet's answers, form by form: what they say, and what an error made of them may hold."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.cards.contract import CardStatus, TransactionStatus
from pollers.cards.strowallet import protocol
from pollers.cards.strowallet.answers import contents, outline
from pollers.providers.answer import Answer
from pollers.providers.contract import (
    AccountProblem,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)

NUMBER, CVV = "4000001234567899", "731"
DETAIL = {
    "card_id": "6001119434",
    "card_holder_name": "ANN EXAMPLE",
    "card_number": NUMBER,
    "last4": NUMBER[-4:],
    "cvv": CVV,
    "expiry": "12/2027",
    "card_status": "active",
    "balance": "5.00",
    "customer_id": "9f9a0d6e-2c0e-4b3c-8f57-0a4bfa9ff4d2",
    "reference": 43209,
}


def answer(body: object, status: int = 200, **more: Any) -> Answer:
    return Answer(status, body if isinstance(body, str) else json.dumps(body), **more)


def detail(**changes: object) -> Answer:
    return answer({"success": True, "response": {"card_detail": DETAIL | changes}})


# --- what is read


def test_creation_in_progress_is_a_card() -> None:
    made = protocol.parse_made(
        answer(
            {
                "success": True,
                "message": "Card creation in progress",
                "response": {"card_id": 6001119434, "reference": 43209, "card_status": "pending"},
            }
        )
    )
    assert (made.provider_card_id, made.reference) == ("6001119434", "43209")


def test_funding_in_progress_stands_in_another_envelope() -> None:
    begun = {"status": True, "message": "card topup in progress", "data": {"id": 77, "status": "pending", "amount": 2}}
    funding = protocol.parse_funding(answer({"success": True, "message": "Done successfully", "apiresponse": begun}))
    assert (funding.transaction_id, funding.reference) == ("77", None)


def test_funding_may_be_refused_inside_its_envelope() -> None:
    begun = {"status": False, "message": "Insufficient wallet balance"}
    with pytest.raises(AccountProblem):
        protocol.parse_funding(answer({"success": True, "message": "Done", "apiresponse": begun}))
    failed = {"status": True, "data": {"id": "77", "status": "failed"}}
    with pytest.raises(Refused):
        protocol.parse_funding(answer({"success": True, "apiresponse": failed}))


def test_accepted_funding_without_anything_to_find_it_by_is_accepted() -> None:
    funding = protocol.parse_funding(answer({"success": True, "message": "Done successfully"}))
    assert (funding.reference, funding.transaction_id) == (None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", CardStatus.PENDING_ACTIVATION),
        ("Active", CardStatus.ACTIVE),
        ("frozen", CardStatus.BLOCKED),
        ("inactive", CardStatus.INACTIVE),
        ("TERMINATED", CardStatus.TERMINATED),
        ("failed", CardStatus.FAILED),
    ],
)
def test_card_has_one_of_our_statuses(word: str, status: CardStatus) -> None:
    card = protocol.parse_card(detail(card_status=word))
    assert card.status is status
    assert (card.balance, card.last4, card.expiry) == (Decimal("5.00"), "7899", "12/27")


def test_card_in_a_state_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(UnknownAnswer):
        protocol.parse_card(detail(card_status="under review"))


def test_card_without_a_number_yet_is_no_card_to_be_shown() -> None:
    pending = detail(card_status="pending", card_number=None, cvv=None, expiry=None, last4=None)
    card = protocol.parse_card(pending)
    assert (card.last4, card.expiry) == ("", "")
    for shown in (pending, detail(card_number="**** **** **** 7899")):
        with pytest.raises(Refused):
            protocol.parse_details(shown)


@pytest.mark.parametrize("cvv", ["7", 7, "007"])
def test_cvv_keeps_the_zeros_before_it(cvv: object) -> None:
    assert protocol.parse_details(detail(cvv=cvv)).cvv == "007"


@pytest.mark.parametrize("said", ["12/27", "12/2027", "2027-12", "2027-12-31", "1227", "12 / 27"])
def test_expiry_has_one_form(said: str) -> None:
    assert protocol.parse_card(detail(expiry=said)).expiry == "12/27"


@pytest.mark.parametrize("said", ["", "13/27", "soon", None])
def test_expiry_that_is_none_is_left_out(said: object) -> None:
    assert protocol.parse_card(detail(expiry=said)).expiry == ""


@pytest.mark.parametrize(
    ("row", "usd"),
    [
        ({"amount": 2, "type": "credit"}, "2.00"),
        ({"amount": "2.5", "type": "credit"}, "2.50"),
        ({"amount": "-2.50", "type": "debit"}, "-2.50"),
        ({"amount": "2.50", "type": "debit"}, "-2.50"),
        ({"amount": -2.5, "type": "credit"}, "2.50"),
        ({"amount": "$1,234.50", "type": "credit"}, "1234.50"),
        ({"centAmount": 250, "type": "credit"}, "2.50"),
        ({"amount": 250, "centAmount": 250, "type": "credit"}, "2.50"),
        ({"amount": "-3", "type": "reversal"}, "-3.00"),
        ({"amount": 0.1, "type": "debit"}, "-0.10"),
    ],
)
def test_amounts_in_all_their_forms(row: dict[str, object], usd: str) -> None:
    said = {"id": "1", "status": "success", "createdAt": "2024-05-29 10:00:00", **row}
    for listed in ([said], {"data": [said]}):
        [found] = protocol.parse_transactions(answer({"success": True, "response": {"card_transactions": listed}}))
        assert str(found.usd) == usd
        assert found.status is TransactionStatus.COMPLETED
        assert found.at == datetime(2024, 5, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize("broken", [{"status": "who knows"}, {"id": None}, {"amount": "many", "centAmount": None}])
def test_one_unreadable_transaction_makes_the_list_unreadable(broken: dict[str, object]) -> None:
    """Its absence would mean that a funding was not paid."""
    good = {"id": "1", "status": "success", "amount": 2, "type": "credit", "method": "topup"}
    rows = [good, good | broken]
    with pytest.raises(UnknownAnswer):
        protocol.parse_transactions(answer({"success": True, "response": {"card_transactions": rows}}))


def test_only_money_from_us_is_a_funding() -> None:
    rows = [
        {"id": "1", "status": "success", "amount": 2, "type": "credit", "method": "topup"},
        {"id": "2", "status": "success", "amount": 2, "type": "credit", "method": "refund"},
        {"id": "3", "status": "success", "amount": 2, "type": "debit", "method": "topup"},
    ]
    found = protocol.parse_transactions(answer({"success": True, "response": {"card_transactions": rows}}))
    assert [each.is_funding for each in found] == [True, False, False]


# --- what is refused


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Insufficient wallet balance", AccountProblem),
        ("Invalid public_key supplied", AccountProblem),
        ("Unauthenticated.", AccountProblem),
        ("Card not found", UnknownOrder),
        ("This card does not exist", UnknownOrder),
        ("Customer not found", UnknownOrder),
        ("Too many attempts", Unavailable),
        ("The amount must be at least 3", Refused),
        ("Invalid card type", Refused),
        ("", Refused),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 422])
@pytest.mark.parametrize("spends", [True, False])
def test_a_sentence_means_the_same_in_every_form(
    sentence: str, kind: type[ProviderError], status: int, spends: bool
) -> None:
    forms: list[dict[str, object]] = [
        {"success": False, "message": sentence},
        {"success": "false", "message": sentence},
        {"status": "error", "message": sentence},
        {"error": sentence or True},
    ]
    for form in forms:
        with pytest.raises(ProviderError) as raised:
            contents(answer(form, status), spends=spends)
        assert type(raised.value) is kind


@pytest.mark.parametrize(
    "sentence", ["Something went wrong", "Please try again later", "Server Error", "Another topup is in progress"]
)
def test_what_broke_on_the_way_may_have_been_done(sentence: str) -> None:
    said = answer({"success": False, "message": sentence})
    with pytest.raises(OutcomeUnknown):
        contents(said, spends=True)
    with pytest.raises(Unavailable):
        contents(said, spends=False)


@pytest.mark.parametrize(
    ("status", "body", "spending", "asking"),
    [
        (500, "", OutcomeUnknown, Unavailable),
        (502, "<html>", OutcomeUnknown, Unavailable),
        (200, "<html>maintenance</html>", OutcomeUnknown, UnknownAnswer),
        (200, "[1]", OutcomeUnknown, UnknownAnswer),
        (301, "", AccountProblem, AccountProblem),
        (401, "", AccountProblem, AccountProblem),
        (404, "<html>", Refused, Refused),
        (429, "", Unavailable, Unavailable),
    ],
)
def test_a_status_means_something_by_itself(
    status: int, body: str, spending: type[ProviderError], asking: type[ProviderError]
) -> None:
    for spends, kind in ((True, spending), (False, asking)):
        with pytest.raises(ProviderError) as raised:
            contents(answer(body, status), spends=spends)
        assert type(raised.value) is kind


# --- what an error may hold


def test_error_about_an_answer_names_its_fields_and_no_value() -> None:
    said = detail(card_status="under review")
    with pytest.raises(UnknownAnswer) as raised:
        protocol.parse_card(said)
    shown = raised.value.raw + str(raised.value) + repr(said)
    assert "card_number: text" in raised.value.raw
    for value in (NUMBER, NUMBER[-4:], CVV, "ANN", "12/2027", "6001119434"):
        assert value not in shown


def test_sentence_is_shown_without_numbers_and_addresses() -> None:
    sentence = f"Card {NUMBER} of ann@example.com, CVV {CVV}, is locked"
    with pytest.raises(Refused) as raised:
        contents(answer({"success": False, "message": sentence}), spends=False)
    assert raised.value.reason == "Card … of … CVV …, is locked"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([NUMBER, CVV, "active", "1.00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*DETAIL, "success", "status", "message", "error", "response", "apiresponse", "data"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([200, 400, 500]))
def test_nothing_a_provider_says_makes_reading_it_fail_otherwise_or_tells_a_number(said: object, status: int) -> None:
    for parse in (
        protocol.parse_card,
        protocol.parse_details,
        protocol.parse_made,
        protocol.parse_funding,
        protocol.parse_transactions,
        protocol.parse_customer,
        protocol.parse_balance,
    ):
        told = _error_of(lambda parse=parse: parse(answer(said, status)))  # type: ignore[misc]
        assert NUMBER not in told
    assert NUMBER not in outline(answer(said, status))


def _error_of(read: Callable[[], object]) -> str:
    try:
        read()
    except ProviderError as error:
        return str(error) + error.raw
    return ""
