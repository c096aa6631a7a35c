"""Kept answers as rows: begun once, given again, free after their time, and no more of a user than the bound."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.support import run
from wallet_db import kept_answers
from wallet_db.connect import Pool
from wallet_db.kept_answers import KEPT, LEASE, Begun, Kept, begin_answer, forget_answer, keep_answer

BODY = b"\x01" * 16
OTHER = b"\x02" * 16


async def begin(db: Pool, user: UUID, key: str = "k", path: str = "/a", digest: bytes = BODY) -> object:
    return await begin_answer(db, user, key, path, digest)


async def begun(db: Pool, user: UUID, key: str = "k") -> Begun:
    found = await begin(db, user, key)
    assert isinstance(found, Begun)
    return found


async def age(db: Pool, by: timedelta) -> None:
    await db.execute("update kept_answers set begun_at = begun_at - $1::interval", by)


def test_a_key_is_begun_once_and_then_answered(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = uuid4()
        first = await begun(db, user)
        assert await begin(db, user) == "under way"
        await keep_answer(db, first, 201, b"{}")
        assert await begin(db, user) == Kept(201, b"{}")
        assert await begin(db, user, path="/b") == "path"
        assert await begin(db, user, digest=OTHER) == "body"
        assert isinstance(await begin(db, uuid4()), Begun)  # another user's is another

    run(database_url, scenario)


def test_what_was_refused_leaves_the_key_free(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = uuid4()
        await forget_answer(db, await begun(db, user))
        await begun(db, user)

    run(database_url, scenario)


def test_what_was_cut_off_is_begun_again_and_its_late_end_changes_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = uuid4()
        slow = await begun(db, user)
        await age(db, LEASE + timedelta(seconds=1))
        slow = slow._replace(at=slow.at - LEASE - timedelta(seconds=1))
        await begun(db, user)
        await keep_answer(db, slow, 200, b"late")
        await forget_answer(db, slow)
        assert await begin(db, user) == "under way"

    run(database_url, scenario)


def test_answers_go_after_their_time(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = uuid4(), uuid4()
        for key in ("k", "l"):
            await keep_answer(db, await begun(db, user, key), 204, b"")
        await age(db, KEPT + timedelta(seconds=1))
        await begun(db, user)  # an old one does not refuse
        await begun(db, other)
        left = await db.fetch("select user_id, key from kept_answers")
        assert {tuple(row) for row in left} == {(user, "k"), (other, "k")}

    run(database_url, scenario)


def test_a_user_keeps_no_more_than_the_bound(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "OF_A_USER_MAX", 3)

    async def scenario(db: Pool) -> None:
        user, other = uuid4(), uuid4()
        await begun(db, other)
        for number in range(10):
            await begun(db, user, f"k{number}")
        left = [
            row["key"] for row in await db.fetch("select key from kept_answers where user_id = $1 order by 1", user)
        ]
        assert left == ["k7", "k8", "k9"]
        assert await db.fetchval("select count(*) from kept_answers where user_id = $1", other) == 1

    run(database_url, scenario)
