from pathlib import Path

import pytest
from pydantic import ValidationError

from medici_worker.settings import WorkerSettings

README = Path(__file__).parents[3] / "worker" / "README.md"
SHARED = {"url": "MEDICI_URL", "broker_url": "MEDICI_BROKER_URL"}


def test_every_setting_is_documented():
    text = README.read_text()
    names = [SHARED.get(name, f"MEDICI_WORKER_{name.upper()}") for name in WorkerSettings.model_fields]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDICI_URL", "http://platform:8000")
    monkeypatch.setenv("MEDICI_WORKER_CREDENTIAL", "secret")
    monkeypatch.setenv("MEDICI_BROKER_URL", "folder:///x")
    monkeypatch.setenv("MEDICI_WORKER_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("MEDICI_WORKER_SLOTS", "3")
    monkeypatch.setenv("MEDICI_WORKER_GPUS", "")
    monkeypatch.setenv("MEDICI_WORKER_RUNTIME", "")
    settings = WorkerSettings()
    assert settings.url == "http://platform:8000"
    assert settings.credential.get_secret_value() == "secret"
    assert "secret" not in repr(settings)
    assert settings.broker_url == "folder:///x"
    assert settings.state_dir == tmp_path
    assert settings.slots == 3
    assert settings.gpus == ""
    assert settings.runtime is None


def test_options_win_over_the_environment(monkeypatch):
    monkeypatch.setenv("MEDICI_URL", "http://a")
    assert WorkerSettings(url="http://b").url == "http://b"


def test_a_level_of_the_log_is_one_of_four(monkeypatch):
    monkeypatch.setenv("MEDICI_WORKER_LOG_LEVEL", "debug")
    assert WorkerSettings().log_level == "DEBUG"
    monkeypatch.setenv("MEDICI_WORKER_LOG_LEVEL", "LOUD")
    with pytest.raises(ValidationError, match="'DEBUG', 'INFO', 'WARNING' or 'ERROR'"):
        WorkerSettings()
