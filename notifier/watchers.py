"""Watchers: who wants to be woken when anything happens to a user, and will read the rows by itself."""

from collections.abc import Callable, Iterable

import structlog

log = structlog.get_logger(__name__)


class _Watcher:
    __slots__ = ("after", "wake")

    def __init__(self, wake: Callable[[], None], after: int | None) -> None:
        self.wake = wake
        self.after = after


class Watchers:
    """Callbacks by user. One that raises is dropped and disturbs no other."""

    def __init__(self) -> None:
        self._by_user: dict[str, list[_Watcher]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_user)

    def add(self, user_id: str, wake: Callable[[], None], after: int | None) -> Callable[[], None]:
        """Register; returns the function that ends it, which may be called again."""
        watcher = _Watcher(wake, after)
        self._by_user.setdefault(user_id, []).append(watcher)

        def end() -> None:
            self._remove(user_id, watcher)

        return end

    def users(self) -> Iterable[str]:
        """Who is watched."""
        return self._by_user.keys()

    def note(self, user_id: str, seq: int, *, from_bus: bool = True) -> None:
        """The user's stream has come to `seq`: wake who does not know."""
        for watcher in tuple(self._by_user.get(user_id, ())):
            if watcher.after is None:
                if not from_bus:
                    continue
            elif seq <= watcher.after:
                continue
            else:
                watcher.after = seq
            self._wake(user_id, watcher)

    def wake_all(self) -> None:
        """Something happened to everybody."""
        for user_id, watchers in tuple(self._by_user.items()):
            for watcher in tuple(watchers):
                self._wake(user_id, watcher)

    def _wake(self, user_id: str, watcher: _Watcher) -> None:
        try:
            watcher.wake()
        except Exception:
            log.exception("hub.watcher_failed", user_id=user_id)
            self._remove(user_id, watcher)

    def _remove(self, user_id: str, watcher: _Watcher) -> None:
        watchers = self._by_user.get(user_id, [])
        if watcher in watchers:
            watchers.remove(watcher)
        if not watchers:
            self._by_user.pop(user_id, None)
