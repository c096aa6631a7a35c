"""SIGTERM for a benchmark that runs in a loop: what was started is stopped, as when it ends by itself."""

import asyncio
import signal


def cancel_on_sigterm() -> None:
    """From now on SIGTERM cancels the current task, whose blocks then unwind. Who runs it catches CancelledError."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
