"""The pollers' settings, from the environment. The README has them as one table."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from notifier.settings import NotifierSettings

SIMULATOR_KEY = "demo"


class PollerSettings(NotifierSettings):
    """Units are in the names."""

    sms_activate_url: str | None = Field(None, pattern=r"^https?://")
    """A site that speaks the SMS-Activate protocol, without the path; the demo's is the simulator."""
    sms_activate_key: SecretStr | None = None
    sim_port: int = Field(8001, ge=1, le=65535)
    concurrency_max: int = Field(32, ge=1, le=500)
    """Orders worked on at a time by this process."""
    poll_s: float = Field(0.25, gt=0, le=60)
    """How often due orders are looked for when nobody says that there is one."""
    lease_s: float = Field(60.0, ge=20, le=3600)
    """How long a claimed order is this process's alone; longer than any provider call."""
    early_cancel_s: float = Field(120.0, ge=0)
    """When a provider cancels "not yet" without saying when: this long after the purchase."""
    order_lifetime_s: float = Field(1200.0, gt=0)
    """How long a number lives, if the provider does not say."""
    ordering_max_s: float = Field(60.0, gt=0)
    """How long a purchase is tried again while the provider is unavailable, before the money goes back."""
    events_kept_days: int = Field(7, ge=1, le=36_500)
    """How long a client may stay away and still be told all it missed; older events are removed."""
    sms_redacted_after_s: float = Field(86_400.0, ge=0, le=3_155_760_000)
    """When codes and texts are taken out of stored events: this long after their order has closed."""
    database_connections_max: int = Field(10, ge=2, le=200)

    @model_validator(mode="after")
    def _provider_is_given(self) -> Self:
        if not self.demo and (self.sms_activate_url is None or self.sms_activate_key is None):
            raise ValueError(
                "SMS_ACTIVATE_URL and SMS_ACTIVATE_KEY: expected a provider's address and key, got none "
                "(DEMO=1 uses the simulator)"
            )
        return self

    def provider_address(self) -> tuple[str, str]:
        """URL and key of the provider; the demo's default is the simulator."""
        url = self.sms_activate_url or f"http://127.0.0.1:{self.sim_port}"
        return url, self.sms_activate_key.get_secret_value() if self.sms_activate_key else SIMULATOR_KEY
