from pathlib import Path

import pytest
from pydantic import ValidationError

from medici_platform.settings import Settings

OPERATIONS = Path(__file__).resolve().parents[3] / "platform" / "docs" / "operations.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    assert f"| `MEDICI_{name.upper()}` |" in OPERATIONS.read_text()


@pytest.mark.parametrize("secret", ["development-only", "short"])
def test_production_refuses_a_weak_secret(secret):
    with pytest.raises(ValidationError, match="MEDICI_SECRET_KEY"):
        Settings(environment="production", secret_key=secret)


def test_production_starts_with_a_secret_of_its_own():
    assert Settings(environment="production", secret_key="s" * 32).environment == "production"
