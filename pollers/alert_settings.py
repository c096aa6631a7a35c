"""The settings of alerts, from the environment: where operators are told, and how often of the same."""

import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from notifier.settings import NotifierSettings
from pollers.smtp_url import parse_smtp_url

_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")


class AlertSettings(NotifierSettings):
    """Units are in the names."""

    alert_webhook_url: SecretStr | None = None
    """Gets a POST of JSON; the address itself is often the secret."""
    alert_email_to: str | None = None
    """Addresses, separated by commas."""
    alert_email_from: str | None = None
    smtp_url: SecretStr | None = None
    alert_quiet_s: float = Field(3600.0, ge=10, le=604_800)
    """An alert that goes on is told again so long after it was told; one that has not happened for so long is over."""

    @field_validator("alert_webhook_url")
    @classmethod
    def _webhook_is_http(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not re.fullmatch(r"https?://[^\s/]+\S*", url.get_secret_value()):
            raise ValueError("expected http://… or https://…")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url_is_one(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_smtp_url(url.get_secret_value())
        return url

    @field_validator("alert_email_to", "alert_email_from")
    @classmethod
    def _are_addresses(cls, text: str | None) -> str | None:
        if text is not None and not all(_ADDRESS.fullmatch(address.strip()) for address in text.split(",")):
            raise ValueError("expected addresses like ops@example.org, separated by commas")
        return text

    @model_validator(mode="after")
    def _email_is_whole(self) -> Self:
        given = {name: bool(getattr(self, name)) for name in ("alert_email_to", "alert_email_from", "smtp_url")}
        if any(given.values()) and not all(given.values()):
            lacking = ", ".join(name.upper() for name, is_given in given.items() if not is_given)
            raise ValueError(
                f"ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL: expected all or none, {lacking} is missing"
            )
        return self
