"""The settings of cards: which accounts there are, and how long doubts and documents are kept."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from wallet_db.card_keys import CardKeySettings

STROWALLET = "strowallet"
"""Providers of cards by name, as offers and cards have them."""


class CardSettings(CardKeySettings):
    """Mixed into the pollers'. Units are in the names."""

    strowallet_url: str | None = Field(None, pattern=r"^https?://")
    """Strowallet's site, without the path."""
    strowallet_key: SecretStr | None = None
    """What it calls the public key; there is no other."""
    strowallet_requests_per_s: float = Field(5.0, gt=0, le=1_000)
    strowallet_sandbox: bool = False
    """Cards that are none, as Strowallet offers for trying out."""
    funding_doubt_s: float = Field(3600.0, ge=600, le=604_800)
    """How long a card or funding whose answer was lost is looked for, before the money goes back."""
    kyc_kept_days: int = Field(30, ge=0, le=36_500)
    """How long the documents of a customer are kept after the provider has decided."""

    @model_validator(mode="after")
    def _cards_are_whole(self) -> Self:
        if (self.strowallet_url is None) != (self.strowallet_key is None):
            raise ValueError("STROWALLET_URL and STROWALLET_KEY: expected both or none, got one")
        if self.strowallet_url is not None and self.card_keys is None and not self.demo:
            raise ValueError("CARD_KEYS: expected keys, as there is a provider of cards")
        return self
