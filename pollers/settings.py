"""The pollers' settings, from the environment. The README has them as one table."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from pollers.alert_settings import AlertSettings
from pollers.cards.settings import STROWALLET, CardSettings
from pollers.cards.upkeep_settings import CardUpkeepSettings

SIMULATOR_KEY = "demo"

SMS_ACTIVATE, HEROSMS, FIVESIM = "sms_activate", "herosms", "fivesim"
"""Providers by name, as orders and routes have them."""


class PollerSettings(AlertSettings, CardSettings, CardUpkeepSettings):
    """Units are in the names."""

    sms_activate_url: str | None = Field(None, pattern=r"^https?://")
    """A site that speaks the SMS-Activate protocol, without the path."""
    sms_activate_key: SecretStr | None = None
    herosms_url: str | None = Field(None, pattern=r"^https?://")
    """HeroSMS's site, without the path."""
    herosms_key: SecretStr | None = None
    fivesim_url: str | None = Field(None, pattern=r"^https?://")
    """5sim's site, without the path."""
    fivesim_key: SecretStr | None = None
    provider_requests_per_s: float = Field(10.0, gt=0, le=1_000)
    """Requests to an account of a provider in the long run, from this process; five or a second's at once."""
    sms_activate_requests_per_s: float | None = Field(None, gt=0, le=1_000)
    herosms_requests_per_s: float | None = Field(1.0, gt=0, le=1_000)
    """It documents 50, and was seen to refuse after a dozen in a row."""
    fivesim_requests_per_s: float | None = Field(None, gt=0, le=1_000)
    route_success_min: float = Field(0.2, ge=0, le=1)
    """Below this share of numbers with an SMS, over a day, the rule about routes applies."""
    route_tries_min: int = Field(20, ge=1, le=100_000)
    """So many attempts of a day have to be decided before it does."""
    route_rule: Literal["warn", "disable", "off"] = "warn"
    sim_port: int = Field(8001, ge=1, le=65535)
    concurrency_max: int = Field(32, ge=1, le=500)
    """Orders worked on at a time by this process."""
    poll_s: float = Field(0.25, gt=0, le=60)
    """How often due orders are looked for when nobody says that there is one."""
    lease_s: float = Field(60.0, ge=30, le=3600)
    """How long a claimed order is this process's alone; longer than any purchase (`purchases.BUY_S_MAX`)."""
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
    def _providers_are_given(self) -> Self:
        if not self.demo:
            for name, (url, key) in self._given().items():
                if (url is None) != (key is None):
                    raise ValueError(f"{name.upper()}_URL and {name.upper()}_KEY: expected both or none, got one")
            if not any(url for url, _ in self._given().values()):
                raise ValueError(
                    "SMS_ACTIVATE_URL and SMS_ACTIVATE_KEY: expected a provider's address and key, got none "
                    "(HEROSMS_… or FIVESIM_… will do; DEMO=1 uses the simulator)"
                )
        return self

    @property
    def is_simulated(self) -> bool:
        """Whether the simulator plays all providers: in the demo, if no other is named."""
        return self.demo and not any(url for url, _ in self._given().values())

    def accounts(self) -> dict[str, tuple[str, str]]:
        """URL and key of each provider's account, by the provider's name. Real ones and the simulator never mix."""
        if self.is_simulated:
            simulator = f"http://127.0.0.1:{self.sim_port}"
            urls = {SMS_ACTIVATE: simulator, HEROSMS: f"{simulator}/hero", FIVESIM: simulator}
            return {name: (url, SIMULATOR_KEY) for name, url in urls.items()}
        return {
            name: (url, key.get_secret_value() if key else SIMULATOR_KEY)
            for name, (url, key) in self._given().items()
            if url is not None
        }

    def card_accounts(self) -> dict[str, tuple[str, str]]:
        """The same of the providers of cards."""
        if self.strowallet_url is not None and self.strowallet_key is not None:
            return {STROWALLET: (self.strowallet_url, self.strowallet_key.get_secret_value())}
        return {STROWALLET: (f"http://127.0.0.1:{self.sim_port}", SIMULATOR_KEY)} if self.is_simulated else {}

    def requests_per_s(self, provider: str) -> float:
        """How often an account of this provider may be asked."""
        own = {
            SMS_ACTIVATE: self.sms_activate_requests_per_s,
            HEROSMS: self.herosms_requests_per_s,
            FIVESIM: self.fivesim_requests_per_s,
            STROWALLET: self.strowallet_requests_per_s,
        }
        return own.get(provider) or self.provider_requests_per_s

    def _given(self) -> dict[str, tuple[str | None, SecretStr | None]]:
        return {
            SMS_ACTIVATE: (self.sms_activate_url, self.sms_activate_key),
            HEROSMS: (self.herosms_url, self.herosms_key),
            FIVESIM: (self.fivesim_url, self.fivesim_key),
        }
