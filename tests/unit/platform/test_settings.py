from pathlib import Path

import pytest
from pydantic import ValidationError

from medici_platform.settings import DEVELOPMENT_SECRET, Settings, told

OPERATIONS = Path(__file__).resolve().parents[3] / "platform" / "docs" / "operations.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    assert f"| `MEDICI_{name.upper()}` |" in OPERATIONS.read_text()


SAFE = {"environment": "production", "secret_key": "0123456789abcdef" * 2}
PUBLIC = "MEDICI_PUBLIC_URL is http://medici.example.org, over which passwords and test data travel in clear: put "


@pytest.mark.parametrize(
    ("unsafe", "sentence"),
    [
        ({"secret_key": DEVELOPMENT_SECRET}, "MEDICI_SECRET_KEY is the development default or shorter than 32 char"),
        (
            {"secret_key": "s3cr3t"},
            "MEDICI_SECRET_KEY is the development default or shorter than 32 characters: set one ",
        ),
        ({"secret_key": ""}, "MEDICI_SECRET_KEY is the development default or shorter than 32 characters: set one of "),
        ({"secret_key": "x" * 40}, "MEDICI_SECRET_KEY holds fewer than 8 different characters: set one of your own"),
        (
            {"database_url": "postgresql://medici:medici@db/medici"},
            "The password in MEDICI_DATABASE_URL is that of an ",
        ),
        ({"database_url": "postgresql://medici:@db/medici"}, "The password in MEDICI_DATABASE_URL is that of an exam"),
        ({"database_url": "postgresql://user:password@host/name"}, "The password in MEDICI_DATABASE_URL is that of an"),
        ({"database_url": "nonsense"}, "MEDICI_DATABASE_URL is no database's address such as postgresql://"),
        ({"broker_url": "redis://:changeme@redis:6379/0"}, "The password in MEDICI_BROKER_URL is that of an example"),
        ({"public_url": "http://medici.example.org"}, PUBLIC),
        ({"public_url": "hospital"}, "MEDICI_PUBLIC_URL is no address that begins with http://, https://."),
    ],
)
def test_production_refuses_what_is_not_safe_in_one_sentence(unsafe, sentence):
    with pytest.raises(ValidationError) as refused:
        Settings(**{**SAFE, **unsafe})
    assert told(refused.value).startswith(sentence)
    assert told(refused.value).count("\n") == 0
    values = [value for value in unsafe.values() if value and not value.startswith("http")]
    assert not any(value in str(refused.value) for value in values)


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"public_url": "https://medici.example.org"},
        {"public_url": "http://medici.example.org", "allow_http": True},
        {"database_url": "postgresql://medici@db/medici"},
        {"database_url": "postgresql://medici:8f3b%2F1c@db/medici", "broker_url": "redis://redis:6379/0"},
    ],
)
def test_production_starts_with_secrets_of_its_own(chosen):
    assert Settings(**SAFE, **chosen).environment == "production"


def test_development_starts_with_anything():
    assert Settings(database_url="postgresql://medici:medici@db/medici").secret_key == DEVELOPMENT_SECRET


def test_the_settings_know_their_secrets():
    settings = Settings(
        secret_key="key-of-ours",
        database_url="postgresql://u:p%2Fss-w@h/db",
        broker_url="redis://:redis-pass@h/0",
        smtp_url="smtp://me%40x.org:mail/pass@h:587",
    )
    assert settings.secrets == [
        "key-of-ours",
        *("p%2Fss-w", "redis-pass", "mail/pass"),
        *("p/ss-w", "redis-pass", "mail/pass"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SIGN_IN_ATTEMPTS", "lots", "MEDICI_SIGN_IN_ATTEMPTS is 'lots', which is no rate: write one as 10/minute."),
        ("UPLOAD_ATTEMPTS", "", "MEDICI_UPLOAD_ATTEMPTS is '', which is no rate: write one as 10/minute."),
        ("IMAGE_MAP", "foo", 'MEDICI_IMAGE_MAP is no JSON object of names, such as {"python:3*": '),
        ("IMAGE_MAP", "[1]", "MEDICI_IMAGE_MAP: Input should be a valid dictionary."),
        ("BROKER_URL", "nonsense", "MEDICI_BROKER_URL is no address that begins with redis://, rediss://, folder://."),
        ("SMTP_URL", "foo", "MEDICI_SMTP_URL is no address that begins with smtp://, smtps://."),
        ("MIGRATIONS_DIR", "/nope", "MEDICI_MIGRATIONS_DIR is /nope, which holds no migrations: it has no env.py."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"MEDICI_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert told(refused.value).startswith(sentence)


def test_a_map_of_images_is_read_as_json(monkeypatch):
    monkeypatch.setenv("MEDICI_IMAGE_MAP", '{"a": "b"}')
    assert Settings().image_map == {"a": "b"}
