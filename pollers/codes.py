"""The code in an SMS whose provider tells only the text, as those of rented numbers do.

Pure. A number of 4 to 8 digits, whole ("529753"), in two threes ("529-753") or behind a letter ("G-529753"). The one
next to a word for "code" counts; without such a word only a lone one of 5 digits or more. No code is better than a
wrong one: the text is shown as well. Not here: what a provider says the code is, which is believed.
"""

import re

_NUMBER = re.compile(
    r"(?<![\w+])(?<!\w-)(?<!\d[.,:/ ])"  # no part of a word, a phone number, a date, a time or an amount
    r"(?:[A-Z]-)?(\d{3}[- ]\d{3}|\d{4,8})"
    r"(?!\w|-\w|[.,:/ ]\d)"
)
_NOT_DIGITS = re.compile(r"\D")
_WORD = re.compile(
    r"code|c[oó]digo|codice|\bkode?\b|\bkodu\b|код|пароль|\bpin\b|\botp\b|password|passcode|mot de passe|\bmã\b"
    r"|验证码|驗證碼|認証|인증|รหัส|رمز|کد",
    re.IGNORECASE,
)
BARE_DIGITS_MIN = 5
"""So long is a code in a text that does not speak of one: shorter ones are years, prices and hours."""


def code_in(text: str) -> str:
    """The code, its digits only; empty if there is none, or several that may be it."""
    numbers = [(found.span(), _NOT_DIGITS.sub("", found[1])) for found in _NUMBER.finditer(text)]
    words = [found.span() for found in _WORD.finditer(text)]
    if not words:
        distinct = {digits for _, digits in numbers}
        return distinct.pop() if len(distinct) == 1 and len(min(distinct)) >= BARE_DIGITS_MIN else ""
    gaps = [(min(_gap(span, word) for word in words), digits) for span, digits in numbers]
    nearest = {digits for gap, digits in gaps if gap == min(gaps)[0]}
    return nearest.pop() if len(nearest) == 1 else ""


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """How many characters are between two places in a text."""
    return max(one[0] - other[1], other[0] - one[1], 0)
