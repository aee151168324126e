"""All settings, read from `MEDICI_*` environment variables. platform/docs/operations.md explains each of them."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

DEVELOPMENT_SECRET = "development-only"  # noqa: S105 - refused in production


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MEDICI_", extra="ignore")

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
    """Signs cookies and forms. In production at least 32 characters, the same for all web processes."""
    public_url: str = "http://127.0.0.1:8000"
    """What links in mails and command-line hints start with; with https cookies are marked Secure."""
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

    image_map: dict[str, str] = Field(
        default_factory=lambda: {
            "codalab/codalab-legacy*": "medici/codalab:latest",
            "python:3*": "medici/python:latest",
            "projectmonai/monai:0.[0-6]*": "medici/monai-compat:latest",
            "projectmonai/monai:*": "medici/monai:latest",
        }
    )
    """Pattern of a public image name → image on the workers' engines; the first that fits. Shown to participants."""
    pull: Literal["never", "missing", "always"] = "missing"
    """When workers fetch images from their registry; a challenge or a phase may say otherwise."""
    program_image: str = "medici/codalab:latest"
    """Of programs without a Dockerfile, in challenges that name no image."""
    smtp_url: str = ""
    """`smtp://user:password@host:587` (`smtps://` for TLS from the start); empty: no mail is sent."""
    mail_from: str = "medici@localhost"

    @model_validator(mode="after")
    def refuse_default_secrets(self) -> "Settings":
        if self.environment == "production" and (self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < 32):  # noqa: PLR2004
            raise ValueError(
                "MEDICI_SECRET_KEY is the development default or shorter than 32 characters: "
                "set one of your own (for example `openssl rand -hex 32`)"
            )
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
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")
