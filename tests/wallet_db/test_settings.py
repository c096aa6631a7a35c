"""Settings: every fault in one go, a line each, and no secret among them."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from wallet_db.connect import database
from wallet_db.settings import DatabaseSettings, load


class ShopSettings(DatabaseSettings):
    """A package's own settings, as the others extend them."""

    jwt_secret: str = Field(min_length=32)
    port: int = Field(8000, ge=1, le=65535)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "DATA_DIR", "DEMO", "JWT_SECRET", "PORT"):
        monkeypatch.delenv(variable, raising=False)


def test_faults_are_told_together_and_secrets_never(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:s3cret@db/shop")
    monkeypatch.setenv("JWT_SECRET", "s3cret-short")
    monkeypatch.setenv("PORT", "s3cret")
    monkeypatch.setenv("DEMO", "s3cret")
    with pytest.raises(SystemExit) as caught:
        load(ShopSettings)
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["DATABASE_URL", "DEMO", "JWT_SECRET", "PORT"]
    assert not [line for line in lines if "s3cret" in line]


def test_a_missing_secret_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(ShopSettings)
    assert capsys.readouterr().err == "JWT_SECRET: Field required\n"


@pytest.mark.parametrize("url", ["postgres://db/shop", "postgresql://u:p@db:5432/shop?sslmode=require"])
def test_the_environment_is_read_once_into_frozen_settings(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DEMO", "1")
    settings = load(DatabaseSettings)
    assert (settings.database_url, settings.demo, settings.data_dir) == (url, True, Path(".data"))
    with pytest.raises(ValidationError):
        settings.demo = False  # type: ignore[misc]
    with database(settings) as used:
        assert used == url


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert load(DatabaseSettings).database_url is None
