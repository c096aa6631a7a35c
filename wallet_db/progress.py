"""How far a long command has come, on stderr: a bar on a terminal, else a line now and then.

Drawing is bounded by time, not by calls: `update` may be called as often as there is news. What a line says is made by
`line`, a pure function; nothing here knows what is counted.
"""

import shutil
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

REDRAW_S = 0.1
"""On a terminal."""
REPORT_S = 10.0
"""Elsewhere: into a log, each line is kept."""
BAR_WIDTH = 24


def line(label: str, done: float, total: float, elapsed_s: float, unit: str) -> str:
    """`checking  ████░░░░  1,200/3,000 users  400/s  5 s left`; unit "" for a total that is not counted in things."""
    share = min(done / total, 1.0) if total > 0 else 1.0
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    filled = int(share * BAR_WIDTH)
    parts = [label, "█" * filled + "░" * (BAR_WIDTH - filled)]
    if unit:
        parts += [f"{done:,.0f}/{total:,.0f} {unit}", f"{rate:,.0f}/s"]
    else:
        parts.append(f"{share:4.0%}")
    if rate > 0 and share < 1:
        parts.append(f"{_duration((total - done) / rate)} left")
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole // 60 % 60:02} min"


class Progress:
    """A context manager; leaving it clears the bar, so that what is printed next begins a clean line."""

    def __init__(self, stream: TextIO, label: str, unit: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._label = label
        self._unit = unit
        self._clock = clock
        self._terminal = stream.isatty()
        self._began = self._last = clock()

    def update(self, done: float, total: float, note: str = "") -> None:
        """Show it if it is time to; `note` follows the figures."""
        now = self._clock()
        if now - self._last < (REDRAW_S if self._terminal else REPORT_S):
            return
        self._last = now
        text = line(self._label, done, total, now - self._began, self._unit) + (f"  {note}" if note else "")
        if self._terminal:
            self._stream.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
