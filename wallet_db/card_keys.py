"""The setting that opens what is sealed of cards: shared by the gateway, the pollers and the commands."""

from pydantic import SecretStr, field_validator

from wallet_db.kept_secrets import kept_secret
from wallet_db.sealing import CardKeys
from wallet_db.settings import DatabaseSettings

FILE = "card_keys"
"""In `data_dir`: the demo's."""


class CardKeySettings(DatabaseSettings):
    """Mixed into the settings of whoever works with cards."""

    card_keys: SecretStr | None = None
    """`k2:BASE64,k1:BASE64`: the first seals, all open. The demo makes one, kept in `data_dir`; else, no cards."""

    @field_validator("card_keys")
    @classmethod
    def _card_keys_are_keys(cls, text: SecretStr | None) -> SecretStr | None:
        if text is not None:
            CardKeys.parse(text.get_secret_value())
        return text

    def keys_of_cards(self) -> CardKeys | None:
        """The keys; None: cards are not served. In the demo the first process that asks makes one for all."""
        if self.card_keys is not None:
            return CardKeys.parse(self.card_keys.get_secret_value())
        if not self.demo:
            return None
        return CardKeys.parse(kept_secret(self.data_dir / FILE, lambda: CardKeys.make("demo")))
