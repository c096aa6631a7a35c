"""Settings: read from the environment once, at a process's entrance, into a frozen model.

Every package's settings extend `DatabaseSettings`. `load` reports all faults together, a line each, naming the variable
and what was expected; a secret's value is never printed.
"""

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wallet_db.tracing import is_installed

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class DatabaseSettings(BaseSettings):
    """Where the data is. Shared by every process."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    database_url: str | None = Field(None, pattern=r"^postgres(ql)?://")
    """A PostgreSQL 15-18 server; unset: the embedded one under `data_dir`."""
    data_dir: Path = Path(".data")
    """Holds the embedded PostgreSQL and the demo's secret."""
    demo: bool = False
    """Demo users for the asking, demo prices, providers default to the simulator. Never in production."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below it are not written."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """auto: text on a terminal, else JSON."""
    otel_exporter_otlp_endpoint: str | None = Field(None, pattern=r"^https?://")
    """Where traces go, over OTLP/HTTP; needs the extra `otel`."""

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _otel_is_installed(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not is_installed():
            raise ValueError(
                "needs opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, which are not installed"
            )
        return endpoint


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Read the environment; on faults print each in one line and end the process with status 2."""
    check(settings_class)
    return settings_class()


def check(*settings_classes: type[BaseSettings]) -> None:
    """Do what `load` does on faults, for all faults of several settings together."""
    told: dict[str, None] = {}
    for settings_class in settings_classes:
        try:
            settings_class()
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                variable = "_".join(str(part) for part in fault["loc"]).upper()
                message = fault["msg"].removeprefix("Value error, ")
                told[f"{variable}: {message}" if variable else message] = None
    for line in told:
        print(line, file=sys.stderr)  # noqa: T201 - no logging yet
    if told:
        raise SystemExit(2)
