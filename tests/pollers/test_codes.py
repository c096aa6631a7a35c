"""The code is taken from a text where it is clear which number it is, and from no other text."""

import pytest

from pollers.codes import code_in
from pollers.providers.contract import Message
from pollers.rental_adoption import told_once


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Telegram login code 529753. Anyone who asks for it is not from Telegram.", "529753"),
        ("Your WhatsApp code: 123-456. Do not share it.", "123456"),
        ("Your code is 123 456", "123456"),
        ("G-654321 is your Google verification code.", "654321"),
        ("<#> 84213 is your Facebook code. Call +44 20 7946 0958 for help. (c) 2025", "84213"),
        ("Use code 4821, valid until 2026", "4821"),
        ("4821 is the code, valid until 2026", "4821"),
        ("Votre code de vérification est 0042", "0042"),
        ("Код подтверждения: 31337", "31337"),
        ("Kode Anda 77120", "77120"),
        ("Your code is 902114.\n\n@example.com #902114", "902114"),
        ("[#][TikTok] 731902", "731902"),
        ("31337 for you (valid 2026): the code is 31337", "31337"),
    ],
)
def test_a_code_is_found_in_its_text(text: str, code: str) -> None:
    assert code_in(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Welcome!",
        "Your code will follow.",
        "Call +6281234567 or 0800 123 456 789",
        "The taxi comes at 18:30 on 2025-06-17",
        "You paid 1500 for it",
        "Balance 12345.67",
        "either 111111 or 222222",
        "pin 1111 or 2222 pin",
        "order AB123456",
        "1234567890123",
    ],
)
def test_a_text_without_a_clear_code_has_none(text: str) -> None:
    assert code_in(text) == ""


def test_what_the_provider_says_is_the_code_wins_and_what_is_found_leaves_the_id_alone() -> None:
    text = "Your code is 529753"
    [told] = told_once([Message("529", text)])
    [found] = told_once([Message("", text)])
    assert (told["code"], found["code"]) == ("529", "529753")
    assert [sms["code"] for sms in told_once([Message("", "Welcome!"), Message("31337", "")])] == ["", "31337"]
    # The id of before codes were looked for: an SMS already shown is not shown again.
    assert found["id"] == "d2b5f5f78f187487d80e69e2ae3ae265.1"
