"""Trying again: which faults of the database pass by themselves, and how long to wait between attempts."""

import random

import asyncpg

from wallet_db.connect import DatabaseUnavailable
from wallet_db.errors import WalletBusy

DATABASE_FAULTS = (
    OSError,
    TimeoutError,
    DatabaseUnavailable,
    WalletBusy,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a lost, restarting or overloaded server looks like. Everything else is a defect of ours and is not caught."""


class Backoff:
    """Waiting times that double up to a bound, with jitter: many processes that lost one server return spread out."""

    def __init__(self, first_s: float = 0.1, longest_s: float = 5.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait before the next attempt: between half the step and all of it."""
        step_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return step_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing

    @property
    def is_first(self) -> bool:
        """No attempt has failed since the last success: this fault is worth a line in the log."""
        return self._next_s == self._first_s

    def reset(self) -> None:
        """An attempt succeeded."""
        self._next_s = self._first_s
