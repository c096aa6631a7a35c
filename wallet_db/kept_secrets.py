"""Secrets that the demo makes for itself: once, in a file of `DATA_DIR` that only its owner may read.

Every process started with the same directory finds the same one. Outside the demo secrets are given, never made.
"""

import os
from collections.abc import Callable
from pathlib import Path


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The file's content; if there is none, what `make` returns, written whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(make(), encoding="ascii")
    try:
        path.hardlink_to(new)  # the first of several processes wins
    except FileExistsError:
        pass
    finally:
        new.unlink()
    return path.read_text(encoding="ascii")
