"""What an installation can be told: by environment (`SLIPROAD_…`), an optional TOML file and flags, in rising order of weight.

The table of contract §8, with its defaults. `app/wiring.py` and the CLI are the only readers; parts get values, not settings.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EXAMPLE_WORDS = ("changeme", "example", "placeholder", "yoursecret", "password", "sliproad", "secretkey")
"""In no random text by chance (upper and lower case, dashes and the like ignored)."""
SHORTEST_SECRET = 32
FEWEST_CHARACTERS = 8
"""Different ones in a secret: `aaaa…` is long, and no secret."""


class Settings(BaseSettings):
    """All settings of one process. Unknown keys in the TOML file are an error, so that a typo is noticed."""

    model_config = SettingsConfigDict(
        env_prefix="SLIPROAD_", extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )

    data_dir: Path = Path(".sliproad")
    database_url: str | None = Field(default=None, pattern=r"^postgres(ql)?://", repr=False)
    nats_url: str | None = Field(default=None, pattern=r"^(nats|tls)://", repr=False)
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    ocpp_host: str = "127.0.0.1"
    ocpp_port: int = Field(default=9000, ge=0, le=65535)
    public_url: str | None = None
    ocpp_public_url: str | None = None
    ocpp_tls_cert: Path | None = None
    ocpp_tls_key: Path | None = None
    ocpp_allow_profile_0: bool = False
    ocpp_max_frame_bytes: int = Field(default=65536, ge=1024)
    ocpp_ping_seconds: float = Field(default=30.0, gt=0)
    gateways: int = Field(default=1, ge=1, le=64)
    workers: int | None = Field(default=None, ge=1, le=64)
    web_processes: int | None = Field(default=None, ge=1, le=64)
    smtp_url: SecretStr | None = None
    mail_from: str = "Sliproad <no-reply@localhost>"
    secret_key: SecretStr | None = None
    sealing_keys: SecretStr | None = None
    allowed_private_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    issue_prefix: str = Field(default="SLP", pattern=r"^[A-Z]{2,5}$")
    hub_country_code: str = Field(default="DE", pattern=r"^[A-Z]{2}$")
    hub_party_id: str = Field(default="SLR", pattern=r"^[A-Z0-9]{3}$")
    hub_name: str = Field(default="Sliproad", min_length=1, max_length=100)
    support_url: str | None = Field(default=None, pattern=r"^(https?://|mailto:)[^\s<>\"]+$")
    signing_pkcs12: Path | None = None
    signing_pkcs12_password: SecretStr | None = None
    timestamp_url: str | None = None
    heartbeat_seconds: int = Field(default=300, ge=10, le=86400)
    commissioning_heartbeat_seconds: int = Field(default=30, ge=1, le=3600)
    native_move_seconds: float = Field(default=900, ge=10, le=86400)
    vendor_keys: Path | None = None
    frame_log_days: float = Field(default=90, gt=0)
    frame_log_meter_values: bool = False
    log_format: str = Field(default="console", pattern="^(console|json)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    demo: bool = False

    @field_validator("allowed_private_networks", mode="before")
    @classmethod
    def read_networks(cls, value: Any) -> Any:
        """`127.0.0.0/8, ::1/128` as text, or a list of such."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(ipaddress.ip_network(network) for network in value)

    @field_validator("public_url")
    @classmethod
    def read_public_url(cls, value: str | None) -> str | None:
        """How people reach the API, without the trailing slash."""
        return origin(value, {"http", "https"}, "https://sliproad.example")

    @field_validator("ocpp_public_url")
    @classmethod
    def read_ocpp_public_url(cls, value: str | None) -> str | None:
        """How charge points reach the gateway, without the trailing slash."""
        return origin(value, {"ws", "wss"}, "wss://ocpp.sliproad.example")

    @field_validator("secret_key")
    @classmethod
    def refuse_examples(cls, value: SecretStr | None) -> SecretStr | None:
        """No default credentials (trust S2): an example or short secret stops the start."""
        if value is not None and not is_random(value.get_secret_value()):
            raise ValueError(f"must be {SHORTEST_SECRET} random characters or more, not an example")
        return value

    @field_validator("sealing_keys")
    @classmethod
    def read_sealing_keys(cls, value: SecretStr | None) -> SecretStr | None:
        """One or more secrets with commas between them, the newest first."""
        if value is not None and not all(map(is_random, value.get_secret_value().split(","))):
            raise ValueError(
                f"must be secrets of {SHORTEST_SECRET} random characters or more, with commas between them"
            )
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the TOML file before the environment (contract §8: rising order)."""
        return (init_settings, TomlConfigSettingsSource(settings_cls), env_settings)

    def as_environment(self) -> dict[str, str]:
        """These settings as environment variables, for a child process that is to have exactly the same."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {f"SLIPROAD_{name.upper()}": as_text(value) for name, value in values.items() if value not in (None, ())}

    @property
    def sealing_secrets(self) -> tuple[str, ...]:
        """What seals operators' secrets, the newest first; SECRET_KEY opens what was sealed before there was another."""
        given = self.sealing_keys.get_secret_value().split(",") if self.sealing_keys else []
        return (*given, *([self.secret_key.get_secret_value()] if self.secret_key else []))

    @property
    def is_embedded(self) -> bool:
        """Whether this process brings its own PostgreSQL or NATS."""
        return self.database_url is None or self.nats_url is None


def origin(value: str | None, schemes: set[str], example: str) -> str | None:
    """An address of scheme, host and port alone.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return None
    parts = urlsplit(value)
    is_whole = (
        parts.scheme in schemes and parts.hostname and parts.port != 0
    )  # `port` raises ValueError when it is none
    if not is_whole or parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"must be scheme, host and port, such as {example}")
    return value.rstrip("/")


def is_random(secret: str) -> bool:
    """Whether it may be a secret: long, of many characters, and no example."""
    letters = "".join(filter(str.isalnum, secret)).lower()
    is_example = any(word in letters for word in EXAMPLE_WORDS) or len(set(secret)) < FEWEST_CHARACTERS
    return len(secret) >= SHORTEST_SECRET and not is_example


def as_text(value: object) -> str:
    """One setting as the environment holds it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def load(toml_file: Path | None = None, **flags: Any) -> Settings:
    """Settings from environment, `toml_file` and `flags` that are not None.

    Raises:
        pydantic.ValidationError: naming every wrong setting.
    """

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=toml_file)

    return FromFile(**{name: value for name, value in flags.items() if value is not None})
