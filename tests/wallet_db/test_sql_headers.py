"""The SQL files inspect themselves: headers state locks and refusals, SQLSTATEs have exceptions, bodies compile."""

import re
from pathlib import Path

import pytest

import wallet_db
from tests.wallet_db.support import run
from wallet_db import errors
from wallet_db.connect import Pool

SQL = Path(wallet_db.__file__).parent / "sql"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((SQL / "functions").glob("*.sql"))}
NAMES = {error.sqlstate: error.code.lower() for error in errors.BY_SQLSTATE.values()}

CODE = re.compile(r"\bOS\d+\b")
RAISED = re.compile(r"errcode\s*=\s*'(\w+)'")
STATED = re.compile(r"\b(OS\d+)(?: (\w+))?")
RULE = re.compile(r"^create function (\w+)\(", re.MULTILINE)
"""What a CHECK calls stands beside it, in the migration: it may change no more than the CHECK."""
DEFINED = re.compile(r"^create or replace function (\w+)\(", re.MULTILINE)
LOCKING = re.compile(r"for (?:no key )?update|^\s*(?:update|delete)\s|\block_\w+\(", re.MULTILINE)


def comments_of(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("--"))


def code_of(text: str) -> str:
    return "\n".join(line.partition("--")[0] for line in text.splitlines())


def test_there_is_something_to_inspect() -> None:
    assert len(FILES) > 20
    assert RAISED.findall(FILES["settle_hold"])


@pytest.mark.parametrize("name", FILES)
def test_a_file_begins_by_saying_what_it_does(name: str) -> None:
    first = FILES[name].splitlines()[0]
    assert first.startswith("-- ")
    assert first[3].isupper()
    assert max(map(len, FILES[name].splitlines())) <= 120
    assert not re.search(r"[ \t]+$", FILES[name], re.MULTILINE)


@pytest.mark.parametrize("name", [name for name, text in FILES.items() if RAISED.search(text)])
def test_a_file_that_raises_states_each_code_by_its_name(name: str) -> None:
    comments = comments_of(FILES[name])
    assert "Raises:" in comments
    stated = STATED.findall(comments)
    assert set(RAISED.findall(FILES[name])) <= {code for code, _ in stated}
    for code, word in stated:
        assert word in ("", NAMES[code]), f"{code} is {NAMES[code]}"


@pytest.mark.parametrize("name", [name for name, text in FILES.items() if LOCKING.search(code_of(text))])
def test_a_file_that_locks_states_its_order(name: str) -> None:
    comments = comments_of(FILES[name])
    assert "Locks:" in comments or name == "events", name
    for order in re.findall(r"Locks: ([^.]*)\.", comments):
        if "users" in order:
            assert order.startswith("users"), "the wallet is locked first"


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("events", "json", "order_transitions")])
def test_one_function_a_file_named_as_the_file(name: str) -> None:
    assert DEFINED.findall(FILES[name]) == [name]


@pytest.mark.parametrize("name", [name for name, text in FILES.items() if "insert into events" in code_of(text)])
def test_whoever_appends_an_event_rings(name: str) -> None:
    """No trigger does it for them: an event nobody rang for waits for the sweep of a hub."""
    after_each = code_of(FILES[name]).split("insert into events")[1:]
    assert all(":= ring_doorbell(" in text.partition("end $$")[0] for text in after_each)


def test_every_sqlstate_has_its_exception_and_every_exception_its_use() -> None:
    raised = {code for text in FILES.values() for code in RAISED.findall(text)}
    assert raised == errors.BY_SQLSTATE.keys()
    assert {code for text in FILES.values() for code in CODE.findall(text)} == raised
    assert len(errors.BY_SQLSTATE) == len(errors.WalletError.__subclasses__()) == len(set(NAMES.values()))


def test_the_drawn_tree_of_errors_is_the_tree() -> None:
    drawn = dict(re.findall(r"(\w+)\s+(OS\d{3})", errors.__doc__ or ""))
    assert drawn == {error.__name__: error.sqlstate for error in errors.WalletError.__subclasses__()}


def test_every_body_compiles(database_url: str) -> None:
    """Migrations create functions unchecked, so that they may refer to one another; here they are all checked."""

    async def scenario(db: Pool) -> None:
        for text in FILES.values():
            await db.execute("set check_function_bodies = on;" + text)

    run(database_url, scenario)


def test_the_files_are_all_the_functions_of_the_database(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        rows = await db.fetch("select proname::text from pg_proc where pronamespace = 'public'::regnamespace")
        rules = [name for path in (SQL / "migrations").glob("*.sql") for name in RULE.findall(path.read_text("utf-8"))]
        assert sorted(name for (name,) in rows) == sorted(
            rules + [name for text in FILES.values() for name in DEFINED.findall(text)]
        )

    run(database_url, scenario)
