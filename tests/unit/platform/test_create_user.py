"""`medici admin create-user`: when it makes a token."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from medici_platform.cli.admin import app

pytestmark = pytest.mark.slow

PASSWORD = {"MEDICI_NEW_PASSWORD": "correct horse battery"}  # pragma: allowlist secret


@pytest.fixture
def create(tmp_path):
    def call(*options: str, **environment: str):
        ended = CliRunner().invoke(
            app, ["create-user", "pat", "--data-dir", str(tmp_path), *options], env=environment, catch_exceptions=False
        )
        assert ended.exit_code == 0, ended.output
        return ended

    return call


def tokens(tmp_path):
    with sqlite3.connect(tmp_path / "medici.sqlite3") as database:
        found = database.execute("SELECT scope, expires_at IS NULL FROM api_token ORDER BY id").fetchall()
    database.close()
    return found


def test_a_new_password_of_an_existing_user_makes_no_token_unless_asked(create, tmp_path):
    assert create(**PASSWORD).stdout.startswith("medici_")
    reset = create(**PASSWORD)
    assert (reset.stdout, reset.stderr) == ("", "The user pat exists: a new password for them.\n")
    assert json.loads(create("--json", **PASSWORD).stdout)["token"] is None
    assert tokens(tmp_path) == [("full", 1)]

    both = create("--scope", "full", **PASSWORD)
    assert both.stdout.startswith("medici_")
    assert both.stderr.startswith("The user pat exists: a new password and a new token for them.\n")
    assert create("--days", "3", **PASSWORD).stdout.startswith("medici_")
    without = create()
    assert without.stdout.startswith("medici_")
    assert without.stderr.startswith("The user pat exists: a new token for them.\n")
    assert tokens(tmp_path) == [("full", 1), ("full", 1), ("full", 0), ("full", 1)]
