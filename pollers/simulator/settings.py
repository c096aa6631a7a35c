"""The simulator's settings, read once from `SIM_…` variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pollers.simulator.scenarios import ScenarioName


class SimulatorSettings(BaseSettings):
    """How the simulator starts; `/sim/settings` bends the times later.

    port: TCP on loopback, 0 picks a free one. sms_delay_s: from purchase to SMS, None draws 3 to 10 for each.
    early_cancel_s: no cancel before. lifetime_s: an order ends by itself. rental_cancel_s: no rental taken back after.
    rental_hour_s: how long an hour of a rental lasts. seed: None draws one. scenario: of
    `scenarios.py`. state_file: where the account is kept from one run to the next, None for in memory only.
    webhook_retry_s: between two attempts to tell of an SMS. card_webhook_url: on loopback, told of what happens to
    cards, signed with `demo`, until `/sim/cards/webhooks` says another.
    """

    model_config = SettingsConfigDict(env_prefix="SIM_", env_ignore_empty=True, frozen=True)

    port: int = Field(default=8001, ge=0, le=65_535)
    sms_delay_s: float | None = Field(default=None, ge=0)
    early_cancel_s: float = Field(default=120, ge=0)
    lifetime_s: float = Field(default=1_200, gt=0, allow_inf_nan=False)
    rental_cancel_s: float = Field(default=1_200, ge=0)
    rental_hour_s: float = Field(default=3_600, gt=0, allow_inf_nan=False)
    webhook_retry_s: float = Field(default=20, gt=0, allow_inf_nan=False)
    seed: int | None = None
    scenario: ScenarioName = "calm"
    state_file: Path | None = None
    card_webhook_url: str | None = Field(default=None, pattern=r"^http://127\.0\.0\.1[:/]")
