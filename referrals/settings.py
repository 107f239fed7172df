"""Every setting, from the environment or a file; secrets are made on first use where they are local."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRET_BYTES = 32
_FROM_FILES = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_WEBHOOK_SECRET",
    "JANYMDA_PEPPER",
    "JANYMDA_SEALING_KEY",
    "JANYMDA_ACTIONS_TOKEN",
    "JANYMDA_CONSOLE_KEY",
    "JANYMDA_DATABASE_URL",
    "JANYMDA_SMTP_PASSWORD",
)


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which, and what to do."""


@dataclass(frozen=True)
class MailSettings:
    """How letters leave."""

    host: str
    port: int
    sender: str
    tls: bool
    user: str | None
    password: str | None


class Settings(BaseSettings):
    """What can be set. Names of variables: JANYMDA_ and the field's name, or the alias."""

    model_config = SettingsConfigDict(
        env_prefix="JANYMDA_",
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    data_dir: Path = Path("var")
    database_url: str = ""
    # True where the database's owner has made and seeded it: a process with fewer rights only uses it.
    database_prepared: bool = False
    host: str = "127.0.0.1"
    port: int = Field(8010, ge=0, le=65_535)
    rasa_port: int = Field(5005, ge=1, le=65_535)
    rasa_url: str | None = None
    rasa_timeout: float = Field(2.0, gt=0)
    # The staff console: where it listens, and how its pages are reached from outside.
    console: bool = True
    console_port: int = Field(8011, ge=0, le=65_535)
    console_url: str = ""
    # Fingerprints of the organisations' keys; outside the database, on purpose.
    key_pins: Path | None = None
    case_days: int = Field(90, ge=1, le=3_650)
    # Days without a check after which staff are warned of a service, and after which children are not told of it.
    warn_days: int = Field(60, ge=1, le=3_650)
    hide_days: int = Field(120, ge=1, le=3_650)
    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65_535)
    smtp_sender: str | None = None
    smtp_tls: bool = True
    smtp_user: str | None = None
    smtp_password: SecretStr | None = Field(None, alias="JANYMDA_SMTP_PASSWORD")
    telegram_api: str = "https://api.telegram.org"
    telegram_bot_token: SecretStr | None = Field(None, alias="TELEGRAM_BOT_TOKEN")
    telegram_webhook_url: str | None = Field(None, alias="TELEGRAM_WEBHOOK_URL")
    telegram_webhook_secret: SecretStr | None = Field(None, alias="TELEGRAM_WEBHOOK_SECRET")
    pepper_hex: SecretStr | None = Field(None, alias="JANYMDA_PEPPER")
    sealing_key_hex: SecretStr | None = Field(None, alias="JANYMDA_SEALING_KEY")
    actions_token_hex: SecretStr | None = Field(None, alias="JANYMDA_ACTIONS_TOKEN")
    console_key_hex: SecretStr | None = Field(None, alias="JANYMDA_CONSOLE_KEY")

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        if self.telegram_webhook_url and not self.telegram_webhook_secret:
            raise ValueError(
                "TELEGRAM_WEBHOOK_URL is set without TELEGRAM_WEBHOOK_SECRET: anybody could send "
                "updates. Set a secret of 32 letters and digits or more"
            )
        if self.telegram_webhook_url and self.telegram_bot_token is None:
            raise ValueError("TELEGRAM_WEBHOOK_URL is set without TELEGRAM_BOT_TOKEN")
        if not self.database_url:
            self.database_url = f"sqlite:///{self.data_dir / 'janymda.db'}"
        if not self.console_url:
            self.console_url = f"http://{self.host}:{self.console_port}"
        if self.key_pins is None:
            self.key_pins = self.data_dir / "secrets" / "key_pins.json"
        if self.warn_days >= self.hide_days:
            raise ValueError("JANYMDA_WARN_DAYS must be smaller than JANYMDA_HIDE_DAYS: staff need time to call")
        if self.smtp_host and not self.smtp_sender:
            raise ValueError("JANYMDA_SMTP_HOST is set without JANYMDA_SMTP_SENDER, the address letters come from")
        return self

    @property
    def mail(self) -> MailSettings | None:
        """How letters leave; None when no mail server is set."""
        if self.smtp_host is None or self.smtp_sender is None:
            return None
        password = self.smtp_password.get_secret_value() if self.smtp_password else None
        return MailSettings(self.smtp_host, self.smtp_port, self.smtp_sender, self.smtp_tls, self.smtp_user, password)

    @property
    def pins_path(self) -> Path:
        """The file of fingerprints."""
        assert self.key_pins is not None  # filled in above
        return self.key_pins

    @property
    def pepper(self) -> bytes:
        """The key of all pseudonyms; with it lost, every profile is a stranger again."""
        return bytes.fromhex(self._secret("pepper", self.pepper_hex))

    @property
    def sealing_key(self) -> bytes:
        """The key under which conversations and outgoing messages are sealed."""
        return bytes.fromhex(self._secret("sealing_key", self.sealing_key_hex))

    @property
    def console_key(self) -> bytes:
        """The key under which the staff's one-time-code secrets are sealed; the bot never needs it."""
        return bytes.fromhex(self._secret("console_key", self.console_key_hex))

    @property
    def actions_token(self) -> str:
        """What Rasa and the bot show one another."""
        return self._secret("actions_token", self.actions_token_hex)

    def _secret(self, name: str, given: SecretStr | None) -> str:
        if given is not None:
            value = given.get_secret_value().strip()
        else:
            value = _local_secret(self.data_dir / "secrets" / name)
        if len(value) < SECRET_BYTES * 2 or any(c not in "0123456789abcdefABCDEF" for c in value):
            raise SettingsError(
                f"The secret {name} must be {SECRET_BYTES} bytes as hexadecimal digits. "
                "Make one with: openssl rand -hex 32"
            )
        return value


def _local_secret(path: Path) -> str:
    """Read a secret of this machine; make it, readable by its owner only, when there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = secrets.token_hex(SECRET_BYTES)
    # Two processes may start together: the first file wins, and both read it.
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
    except FileExistsError:
        return path.read_text().strip()
    return value


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; raises SettingsError with a sentence for people."""
    from_files: dict[str, str] = {}
    for name in _FROM_FILES:
        place = os.environ.get(f"{name}_FILE")
        if not place:
            continue
        try:
            value = Path(place).read_text().strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE names a file that cannot be read: {place}") from error
        field = "database_url" if name == "JANYMDA_DATABASE_URL" else name
        from_files[field] = value
    try:
        return Settings(**{**from_files, **overrides})
    except ValidationError as error:
        raise SettingsError(
            "; ".join(f"{_where(problem['loc'])}{problem['msg']}" for problem in error.errors())
        ) from None


def _where(place: tuple[int | str, ...]) -> str:
    return f"JANYMDA_{str(place[0]).upper()}: " if place else ""
