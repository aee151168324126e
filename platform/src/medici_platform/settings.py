"""All settings, read from `MEDICI_*` environment variables. platform/docs/operations.md explains each of them."""

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from limits import parse as parse_rate
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from medici_platform import secrecy

DEVELOPMENT_SECRET = "development-only"  # noqa: S105 - refused in production
_SCHEMES = {
    "MEDICI_BROKER_URL": ("redis", "rediss", "folder"),
    "MEDICI_SMTP_URL": ("smtp", "smtps"),
    "MEDICI_PUBLIC_URL": ("http", "https"),
}


def _variable(info: ValidationInfo) -> str:
    return f"MEDICI_{(info.field_name or '').upper()}"


def listed(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def told(error: ValidationError) -> str:
    """In sentences; what was wrong is named, its value is not."""
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(_told(fault["loc"], str(fault["msg"])) for fault in faults) + "."


def _told(place: tuple[int | str, ...], message: str) -> str:
    of_ours = message.removeprefix("Value error, ")
    return of_ours if of_ours != message else f"MEDICI_{'_'.join(map(str, place)).upper()}: {message}"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MEDICI_", extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path("var/medici")
    """Holds the embedded defaults: SQLite, the broker's folder, the storage."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite under the data folder."""
    broker_url: str = ""
    """`redis://…`; empty: the embedded broker under the data folder."""
    migrations_dir: Path | None = None
    """Folder of the schema migrations. Default: the checkout's own."""
    storage_dir: Path | None = None
    """Folder of uploads, data sets and outputs; several web processes share it. Default: under the data folder."""
    storage_reserve_bytes: int = Field(default=1024**3, ge=0)
    """With less than this left on the storage's disk, no upload is taken; what runs is still reported. 0: never."""
    secret_key: str = DEVELOPMENT_SECRET
    """The key of run records and the tokens of forms follow from it. In production at least 32 characters, the same for
    all web processes.
    """
    public_url: str = "http://127.0.0.1:8000"
    """What links in mails and command-line hints start with; with https cookies are marked Secure."""
    allow_http: bool = False
    """In production: people reach the platform over http, and their passwords travel in clear."""
    trusted_hosts: str = ""
    """In production: further names under which it answers, with commas. Its workers' name for it is one."""
    embedded: bool = False
    """Set by `medici up`: the clock runs as a thread of the web process."""

    max_upload_bytes: int = Field(default=8 * 1024**3, gt=0)
    max_archive_entries: int = Field(default=100_000, gt=0)
    max_unpacked_bytes: int = Field(default=32 * 1024**3, gt=0)

    session_hours: float = Field(default=24 * 14, gt=0)
    sign_in_attempts: str = "10/minute"
    """Per address and user name, in the notation of the `limits` library."""
    address_attempts: str = "100/minute"
    """Sign-ins per address, whatever the user names: nobody tries one password on all of them."""
    upload_attempts: str = "60/minute"
    """Per user."""
    allow_sign_up: bool = True

    lease_s: float = Field(default=60, gt=0)
    heartbeat_s: float = Field(default=3, gt=0)
    """Also how soon a cancelled container ends."""
    sweep_s: float = Field(default=15, gt=0)
    resend_s: float = Field(default=60, gt=0)
    """A run that waits longer than this without being claimed has its hint sent again."""
    max_attempts: int = Field(default=3, ge=1)
    retry_s: float = Field(default=10, ge=0)
    """How long a worker that failed over a run, by its own machine's fault, goes without it; doubled each time."""

    image_map: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=lambda: {
            "codalab/codalab-legacy*": "medici/codalab:latest",
            "python:3*": "medici/python:latest",
            "projectmonai/monai:0.[0-6]*": "medici/monai-compat:latest",
            "projectmonai/monai:*": "medici/monai:latest",
        }
    )
    """Pattern of a public image name → image on the workers' engines; the first that fits. Shown to participants."""
    image_registries: str = ""
    """Registries whose images participants may name, with commas and `*`. Empty: every one with a public name."""
    pull: Literal["never", "missing", "always"] = "missing"
    """When workers fetch images from their registry; a challenge or a phase may say otherwise."""
    program_image: str = "medici/codalab:latest"
    """Of programs without a Dockerfile, in challenges that name no image."""
    smtp_url: str = ""
    """`smtp://user:password@host:587` (`smtps://` for TLS from the start); empty: no mail is sent."""
    mail_from: str = "medici@localhost"

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            kind = make_url(value or "sqlite://").get_backend_name()
        except (ArgumentError, ValueError):
            kind = ""
        if kind not in ("postgresql", "sqlite"):
            raise ValueError(
                "MEDICI_DATABASE_URL is no database's address such as postgresql://user:password@host/name "
                "(special characters of a password are written as %xx)"
            )
        return value

    @field_validator("sign_in_attempts", "address_attempts", "upload_attempts")
    @classmethod
    def _is_a_rate(cls, value: str, info: ValidationInfo) -> str:
        try:
            parse_rate(value)
        except ValueError:
            raise ValueError(f"{_variable(info)} is {value!r}, which is no rate: write one as 10/minute") from None
        return value

    @field_validator("broker_url", "smtp_url", "public_url")
    @classmethod
    def _has_a_scheme(cls, value: str, info: ValidationInfo) -> str:
        known = _SCHEMES[_variable(info)]
        scheme, is_address, rest = value.partition("://")
        if value and (scheme not in known or not is_address or not rest):
            raise ValueError(f"{_variable(info)} is no address that begins with {'://, '.join(known)}://")
        return value

    @field_validator("image_map", mode="before")
    @classmethod
    def _is_a_map(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(
                'MEDICI_IMAGE_MAP is no JSON object of names, such as {"python:3*": "medici/python:latest"}'
            ) from None

    @field_validator("migrations_dir")
    @classmethod
    def _holds_migrations(cls, value: Path | None) -> Path | None:
        if value is not None and not (value / "env.py").is_file():
            raise ValueError(f"MEDICI_MIGRATIONS_DIR is {value}, which holds no migrations: it has no env.py")
        return value

    @model_validator(mode="after")
    def refuse_default_secrets(self) -> "Settings":
        if self.environment == "production":
            faults = (
                secrecy.secret_fault("MEDICI_SECRET_KEY", self.secret_key, DEVELOPMENT_SECRET),
                secrecy.password_fault("MEDICI_DATABASE_URL", self.database_url),
                secrecy.password_fault("MEDICI_BROKER_URL", self.broker_url),
                secrecy.public_url_fault(self.public_url, allow_http=self.allow_http),
            )
            for fault in filter(None, faults):
                raise ValueError(fault)
        return self

    @cached_property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'medici.sqlite3').resolve()}"

    @property
    def shown_database(self) -> str:
        """For people: without its password."""
        return make_url(self.database).render_as_string(hide_password=True)

    @cached_property
    def broker(self) -> str:
        return self.broker_url or f"folder://{(self.data_dir / 'broker').resolve()}"

    @cached_property
    def storage(self) -> Path:
        return (self.storage_dir or self.data_dir / "storage").resolve()

    @property
    def own_hosts(self) -> frozenset[str]:
        """Lower-case names without ports; empty: any."""
        if self.environment != "production":
            return frozenset()
        public = urlsplit(self.public_url).hostname or ""
        return secrecy.LOOPBACK | {f"[{public}]" if ":" in public else public} | set(listed(self.trusted_hosts))

    @property
    def secrets(self) -> list[str]:
        """What no log may hold."""
        addresses = (self.database_url, self.broker_url, self.smtp_url)
        passwords = [password for address in addresses if (password := secrecy.password_of(address))]
        return [self.secret_key, *passwords, *map(unquote, passwords)]

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")
