"""What the notifier reads from the environment."""

from importlib.util import find_spec
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from notifier.bus import NATS_URL
from notifier.bus.nats_url import parse_nats_url
from notifier.tempo import Tempo
from wallet_db.settings import DatabaseSettings


class NotifierSettings(DatabaseSettings):
    """Shared by every process that publishes or listens."""

    bus: Literal["postgres", "local", "nats"] = "postgres"
    """How events reach the gateways; `local`: there is one gateway, and the follower runs inside it."""
    nats_url: SecretStr = SecretStr(NATS_URL)
    """With BUS=nats: the servers of one cluster, separated by commas; may hold credentials."""
    follower_poll_s: float = Field(0.003, gt=0, le=1)
    """Awake, the follower pauses so long between two reads; less while a few events come, up to 20 ms in a flood."""
    follower_idle_s: float = Field(0.25, gt=0)
    """With so few events for so long that writers may ring for each, the follower falls asleep."""
    follower_sweep_s: float = Field(5.0, gt=0, le=3600)
    """The follower looks that often whether history was rewritten, and for a bus outside the database for events that
    nobody rang for."""
    follower_standby_s: float = Field(1.0, gt=0)
    """How often a follower that stands by tries to take over."""

    metrics_host: str = "127.0.0.1"
    """Where notifier and pollers serve `/metrics`, `/healthz` and `/readyz`; the gateway does so where it listens."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """0: nowhere."""

    @field_validator("bus")
    @classmethod
    def _bus_is_installed(cls, name: str) -> str:
        if name == "nats" and find_spec("nats") is None:
            raise ValueError("nats needs the package nats-py, which is not installed")
        return name

    @field_validator("nats_url")
    @classmethod
    def _nats_url_is_one(cls, url: SecretStr) -> SecretStr:
        parse_nats_url(url.get_secret_value())
        return url

    @property
    def tempo(self) -> Tempo:
        """The follower's share of these settings."""
        return Tempo(
            poll_s=self.follower_poll_s,
            idle_s=self.follower_idle_s,
            sweep_s=self.follower_sweep_s,
            standby_s=self.follower_standby_s,
        )
