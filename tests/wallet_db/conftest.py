"""Databases at less expense: one for all cases of a table of cases."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import database_of, execute


@pytest.fixture(scope="module")
def shared_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database for a module's tables of cases: each case has users of its own and looks at nobody else's."""
    name = f"onesms_shared_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    yield database_of(server_url, name)
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))
