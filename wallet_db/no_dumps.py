"""No core dumps: what a process holds in memory, a card's number for a moment, is not to end up in a file.

A limit of this process and its children, set at the entrance of those that may hold one. Tracebacks show no values.
"""

import resource


def refuse_core_dumps() -> None:
    """From now on a crash writes none; it cannot be allowed again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
