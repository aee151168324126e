"""A list costs the same number of statements however long it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from medici_platform.accounts.rules import Role
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    running_platform,
    submit,
)
from tests.integration.platform.page_client import PageClient

STATEMENTS = {
    ("olga", "/challenges"): 5,
    ("olga", "/challenges/tiny/submissions"): 12,
    ("user0", "/challenges/tiny/submissions"): 11,
    ("olga", "/challenges/tiny/participants"): 9,
    ("olga", "/challenges/tiny/alerts"): 9,
    ("user0", "/challenges/tiny/leaderboard"): 12,
    (None, "/challenges/tiny/leaderboard"): 10,
    (None, "/challenges/tiny/leaderboard.csv"): 9,
    ("user0", "/account"): 2,
    ("olga", "/submissions/1"): 21,
    ("user0", "/submissions/1"): 21,
    ("user0", "/api/v1/runs/1/records"): 6,
    ("ada", "/admin/workers"): 2,
}


@pytest.fixture(scope="module", params=[1, 3], ids=["one item", "three items"])
def filled(request, tmp_path_factory) -> Iterator[RunningPlatform]:
    with running_platform(tmp_path_factory.mktemp("queries") / "data") as platform:
        _fill(platform, request.param)
        yield platform


def _fill(platform: RunningPlatform, count: int) -> None:
    olga = platform.user("olga", Role.ORGANIZER)
    platform.user("ada", Role.ADMIN)
    worker = FakeWorker(platform, platform.worker("w0"))
    for index in range(count):
        slug = "tiny" if index == 0 else f"tiny-{index}"
        text = COMPETITION.replace("slug: tiny", f"slug: {slug}").replace(
            "    key: main\n", "    key: main\n    reference_results: published.csv\n"
        )
        published = "method,task,f1,source,data\n" + "".join(f"m{number},,0.5,S,D\n" for number in range(count))
        files = {**BUNDLE_FILES, "competition.yaml": text, "published.csv": published}
        import_bundle(platform, olga, files).raise_for_status()
    for index in range(count):
        if index:
            platform.worker(f"w{index}")
        token = platform.user(f"user{index}")
        with platform.client() as client:
            for name in range(index):
                client.post(
                    "/api/v1/tokens",
                    json={"username": f"user{index}", "password": "correct horse battery", "name": f"n{name}"},
                ).raise_for_status()
        join(platform, token)
        for _ in range(count):
            submit(platform, token).raise_for_status()
            worker.score(platform.hints.hints[-1].run_id, f"f1: 0.{index + 1}")
    for _ in range(1, count):  # so many attempts, and their records
        with platform.client(olga) as client:
            client.post("/api/v1/submissions/1/rerun").raise_for_status()
        worker.score(1, "f1: 0.1")


@contextmanager
def counted(platform: RunningPlatform) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            statements.append(statement)

    event.listen(platform.context.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(platform.context.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("who", "path"), STATEMENTS)
def test_statements(filled, who, path):
    client = PageClient(filled, who)
    with counted(filled) as statements:
        assert client.get(path).status_code == 200
    assert len(statements) == STATEMENTS[(who, path)], "\n\n".join(statements)
