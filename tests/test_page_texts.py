"""The texts of the user's page: each is in the tables, under a key that is used, and every code of ours has one."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from gateway.api.shapes import ActivationStatus, OperationType, RentalStatus
from gateway.errors import ERRORS
from wallet_db.errors import BY_SQLSTATE

STATIC = Path(__file__).resolve().parent.parent / "static"
TABLE = (STATIC / "ui" / "texts_en.js").read_text(encoding="utf-8")
KEYS = set(re.findall(r"^  '([\w.]+)':", TABLE, re.MULTILINE))
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
SCRIPTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in (STATIC / "app.js", *sorted((STATIC / "ui").glob("*.js")))
    if not path.name.startswith("texts_")
}
COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"])//[^\n]*", re.DOTALL)
LITERAL = re.compile(r"'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
NAMES = re.compile(
    r"[\w.-]*|[\w -]*\b(?:button|link|card|order|chain|toast|code|cell|amount|sms|wallet|focus)\b[\w -]*"
)
"""Keys, selectors' words and lists of CSS classes are no texts."""
EVENTS = {"rental.created", "rental.updated"}
"""Named as texts are."""
NO_TEXTS = re.compile(r"(RangeError|Error)\([^)]*\)|^import .*$", re.MULTILINE)
ALLOWED = {
    "api.js": {"Content-Type", "Bearer "},
    "language.js": {"English", "Français"},  # each in its own words
}


def used_keys() -> tuple[set[str], set[str]]:
    """Keys written out, and beginnings of those that are put together."""
    kinds = {key.partition(".")[0] for key in KEYS}
    whole = set(re.findall(r'data-(?:text|label|hint|example)="([\w.]+)"', PAGE))
    begun = {"service.", "country.", "reason."}  # in `translated`
    for text in SCRIPTS.values():
        code = COMMENT.sub("", text)
        whole |= set(re.findall(r"\bt\('([^']+)'", code))
        whole |= {key for key in re.findall(r"'([a-z_]+\.\w+)'", code) if key.partition(".")[0] in kinds} - EVENTS
        begun |= set(re.findall(r"`([a-z_]+\.)\$\{", code))
    return whole, begun


def test_every_key_that_is_used_has_a_text_and_every_text_is_used() -> None:
    whole, begun = used_keys()
    assert len(whole) > 100
    assert not whole - KEYS
    assert not {start for start in begun if not any(key.startswith(start) for key in KEYS)}
    unused = {key for key in KEYS - whole if not key.startswith(tuple(begun))}
    assert not unused


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("status", get_args(ActivationStatus)),
        ("rental", get_args(RentalStatus)),
        ("operation", get_args(OperationType)),
        ("error", (*ERRORS, *(refusal.code for refusal in BY_SQLSTATE.values()))),
    ],
)
def test_every_code_and_status_has_a_text(kind: str, names: tuple[str, ...]) -> None:
    assert not {name for name in names if f"{kind}.{name}" not in KEYS}


class Visible(HTMLParser):
    """What a page shows by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "input", "img"}:
            self._inside.append(tag)
        self.texts += [value or "" for name, value in attrs if name in {"aria-label", "title", "placeholder", "alt"}]

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "noscript" not in self._inside:
            self.texts.append(data.strip())


def test_the_page_itself_says_nothing_in_any_language() -> None:
    visible = Visible()
    visible.feed(PAGE)
    assert {text for text in visible.texts if text} == {"OneSMS", "\N{EN DASH}", "eyJ…"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_have_no_text_of_their_own(name: str) -> None:
    code = COMMENT.sub("", SCRIPTS[name])
    literals = ["".join(pair) for pair in LITERAL.findall(NO_TEXTS.sub("", code))]
    texts = [re.sub(r"\$\{[^}]*\}", "", literal) for literal in literals]
    spoken = {text for text in texts if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}|\b[A-Z][a-z]{2,}", text)}
    spoken = {text for text in spoken if not NAMES.fullmatch(text) and not re.search(r"[\[\]#>(:/]", text)}
    assert spoken - ALLOWED.get(name, set()) == set()
