"""The settings of what is done to cards again and again: reconciliation, alarms, retention."""

from pydantic import Field

from wallet_db.settings import DatabaseSettings


class CardUpkeepSettings(DatabaseSettings):
    """Mixed into the pollers'. Units are in the names."""

    card_corrections: bool = True
    """Whether the nightly reconciliation lets the provider's word be ours; else it only says what differs."""
    card_balance_differs_percent: float = Field(5.0, ge=0, le=100)
    """A card's balance that differs from the provider's by more, of the larger of both, is an alarm."""
    card_webhook_failures_percent: float = Field(5.0, ge=0, le=100)
    """More of an hour's webhooks that failed, of 20 at least, are an alarm."""
    card_blocked_sigmas: float = Field(3.0, ge=0, le=100)
    """Cards blocked in a day are an alarm beyond the mean of the four weeks before and so many deviations."""
    card_call_slow_s: float = Field(2.0, gt=0, le=60)
    """Calls to a provider of cards that take longer, minute after minute for five of them, are an alarm."""
    card_numbers_kept_days: int = Field(90, ge=0, le=36_500)
    """When last digits, expiry and name of a card are forgotten: so long after its end."""
    card_payloads_kept_days: int = Field(30, ge=0, le=36_500)
    """When the payloads of webhooks are: so long after they came. That they came stays."""
