"""Telling operators: the periodic job, and `python -m pollers alert-test` to try the ways to tell.

`system_logs` ─► fold ─► `alerts` ─► each channel ─► marked as told ─► closed when it is over ─► each channel.

Each alert, and its end, is told at least once by each channel, and once as a rule: a process that dies, or loses the
database, between telling and noting it has the next one tell again. So does a channel that takes a message and then
fails to say so. A channel that fails rests for a while, longer each time; what it is to tell waits, and the others go
on.
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from pollers.alert_channels import Channel, ChannelFault, open_channels
from pollers.alert_settings import AlertSettings
from pollers.alert_text import Message, message_of, over_message, trial_message
from wallet_db import alerts
from wallet_db.connect import Pool

log = structlog.get_logger()

COMMAND = "alert-test"
FOLD_BATCH = 1_000
FOLD_BATCHES_MAX = 20
"""In a run; the rest is the next one's."""
TELL_MAX = 1_000
"""Alerts in a message; it says of those beyond its lines how many they are."""


async def tell_alerts(
    pool: Pool, before: Mapping[str, int], *, channels: Sequence[Channel], quiet: timedelta
) -> Mapping[str, int]:
    """Fold, close, tell what is over, tell what is new: so one that comes back is never called over after its return.

    open_…: alerts by level; told_total, failed_total: messages of all channels, from the first run on.
    """
    for _ in range(FOLD_BATCHES_MAX):
        if await alerts.fold_alerts(pool, FOLD_BATCH) < FOLD_BATCH:
            break
    await alerts.close_alerts(pool, [channel.name for channel in channels], quiet=quiet)
    told = failed = 0
    for channel in channels:
        if over := await alerts.alerts_over(pool, channel.name, TELL_MAX):
            if not await _tell(pool, channel, over_message(over), len(over)):
                failed += 1
                continue
            await alerts.mark_alerts_over(pool, channel.name, over)
            told += 1
        if new := await alerts.alerts_to_tell(pool, channel.name, TELL_MAX, quiet=quiet):
            if not await _tell(pool, channel, message_of(new), len(new)):
                failed += 1
                continue
            await alerts.mark_alerts_told(pool, channel.name, new)
            told += 1
    still_open = await alerts.count_open_alerts(pool)
    return {
        **{f"open_{level}": still_open.get(level, 0) for level in ("critical", "error", "warning")},
        "told_total": before.get("told_total", 0) + told,
        "failed_total": before.get("failed_total", 0) + failed,
    }


async def _tell(pool: Pool, channel: Channel, message: Message, count: int) -> bool:
    """Whether the channel took it; else it rests."""
    try:
        await channel.tell(message)
    except ChannelFault as fault:
        log.warning("alerts not told this time", channel=channel.name, alerts=count, error=str(fault))
        await alerts.rest_alert_channel(pool, channel.name, str(fault))
        return False
    log.info("alerts told", channel=channel.name, alerts=count)
    return True


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command line of `alert-test`."""
    commands.add_parser(COMMAND, help="send a message over every configured way to tell operators; exit 1 if one fails")


async def try_channels(settings: AlertSettings) -> int:
    """Tell a trial message everywhere and print what came of it. 0: all took it; 1: one failed, or there is none."""
    channels = open_channels(settings)
    if not channels:
        print("nothing is configured: ALERT_WEBHOOK_URL, or ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL")  # noqa: T201
        return 1
    failed = 0
    for channel in channels:
        try:
            await channel.tell(trial_message("python -m pollers alert-test"))
            print(f"{channel.name}: told")  # noqa: T201
        except ChannelFault as fault:
            failed += 1
            print(f"{channel.name}: {fault} ({channel.where})")  # noqa: T201
    return int(failed > 0)
