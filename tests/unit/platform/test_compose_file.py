"""docker-compose.yml hands every setting on, and keeps no secret."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from medici_platform.settings import Settings
from medici_worker.settings import WorkerSettings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"secrets", "migrate", "scoring"}
SECRETS = {"POSTGRES_PASSWORD", "MEDICI_REDIS_PASSWORD", "MEDICI_SECRET_KEY", "MEDICI_WORKER_CREDENTIAL"}
OF_THE_IMAGES = {"MEDICI_DATA_DIR", "MEDICI_EMBEDDED", "MEDICI_MIGRATIONS_DIR", "MEDICI_STORAGE_DIR"}
OF_THE_WORKERS_IMAGE = {"MEDICI_WORKER_STATE_DIR", "MEDICI_WORKER_LOCK_DIR", "MEDICI_WORKER_DOCKER_HOST"}
SHARED = {"MEDICI_URL", "MEDICI_BROKER_URL", "MEDICI_WORKER_CREDENTIAL"}


@pytest.mark.parametrize("service", ["web", "clock", "migrate"])
def test_the_platform_gets_every_setting(service: str) -> None:
    settings = {f"MEDICI_{name.upper()}" for name in Settings.model_fields}
    assert settings - set(SERVICES[service]["environment"]) == OF_THE_IMAGES


def test_the_worker_gets_every_setting() -> None:
    own = set(WorkerSettings.model_fields) - {"url", "broker_url", "credential"}
    settings = {f"MEDICI_WORKER_{name.upper()}" for name in own} | SHARED
    assert settings - set(SERVICES["worker"]["environment"]) == OF_THE_WORKERS_IMAGE


@pytest.mark.parametrize("service", sorted(set(SERVICES) - ONE_SHOT))
def test_what_stays_up_is_watched_and_comes_back(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"]
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_images_can_be_replaced_and_logs_end(service: str) -> None:
    assert re.fullmatch(r"\$\{MEDICI_\w+_IMAGE:-[a-z/]+:\w+\}", SERVICES[service]["image"])
    assert SERVICES[service]["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


def test_secrets_are_empty_by_default_and_all_are_checked() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    defaults = {name: set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) for name in SECRETS}
    assert defaults == {name: {":-"} for name in SECRETS}
    assert set(SERVICES["secrets"]["command"][1:]) == SECRETS
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"(?m)^(\w+)=$", example)) == SECRETS
