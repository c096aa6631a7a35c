"""The same SMS told by different answers, with its text and without: it is one, and no other is taken for it."""

from uuid import UUID

import pytest

from tests.wallet_db.support import NOW, call, new_user, pending_order, run
from wallet_db.connect import Pool

TEXT = "Your code is 12345"


async def told(db: Pool, activation: UUID, text: str, code: str | None = "12345") -> str:
    outcome: str = await call(db, "apply_activation_sms", p_activation_id=activation, p_code=code, p_text=text)
    return outcome


async def ask_for_another(db: Pool, activation: UUID, *, asked: bool = True) -> None:
    user = await db.fetchval("select user_id from activations where id = $1", activation)
    await call(db, "request_another_sms", p_user_id=user, p_activation_id=activation, p_now=NOW)
    if asked:
        due = {"p_error_code": None, "p_due_at": NOW, "p_now": NOW}
        assert await call(db, "record_another_sms", p_activation_id=activation, **due)


async def texts(db: Pool, activation: UUID) -> list[str]:
    rows = await db.fetch("select text from sms_messages where activation_id = $1 order by id", activation)
    return [text for (text,) in rows]


@pytest.mark.parametrize("bare", ["", "12345"])
@pytest.mark.parametrize("waits", [False, True])
def test_a_bare_code_that_is_known_is_no_news(database_url: str, waits: bool, bare: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        assert await told(db, activation, TEXT) == "applied"
        if waits:
            await ask_for_another(db, activation)
        assert await told(db, activation, bare) == "repeated"
        assert await texts(db, activation) == [TEXT]
        if waits:  # still
            assert await db.fetchval("select another_sms_asked_at from activations where id = $1", activation) == NOW

    run(database_url, scenario)


@pytest.mark.parametrize("bare", ["", "12345"])
def test_a_bare_code_that_is_told_with_its_text_is_no_news(database_url: str, bare: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        assert await told(db, activation, bare) == "applied"
        assert [await told(db, activation, text) for text in (TEXT, TEXT, bare, "", "12345")] == ["repeated"] * 5
        await ask_for_another(db, activation)
        # Lists tell the old one with the new: by now it is known by its text.
        assert await told(db, activation, TEXT) == "repeated"
        assert await told(db, activation, "Login: 12345") == "applied"
        assert await texts(db, activation) == [bare, "Login: 12345"]

    run(database_url, scenario)


@pytest.mark.parametrize("asked", [False, True])
def test_another_sms_with_the_same_code_and_a_text_is_shown(database_url: str, asked: bool) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        assert await told(db, activation, "12345") == "applied"
        await ask_for_another(db, activation, asked=asked)
        assert await told(db, activation, TEXT) == "applied"
        assert await texts(db, activation) == ["12345", TEXT]

    run(database_url, scenario)


def test_other_codes_and_other_texts_are_other_messages(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        for text, code in ((TEXT, "12345"), ("2", "2"), ("Login: 12345", "12345"), ("Hello", None), ("", "3")):
            assert await told(db, activation, text, code) == "applied"
        assert len(await texts(db, activation)) == 5

    run(database_url, scenario)


def test_a_late_sms_told_twice_is_one(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        assert await call(db, "close_activation", p_activation_id=activation, p_status="timeout")
        assert [await told(db, activation, text) for text in ("12345", TEXT, "12345")] == [
            "charged",
            "repeated",
            "repeated",
        ]

    run(database_url, scenario)
