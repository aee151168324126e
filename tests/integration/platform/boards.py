"""A challenge with any boards, tasks and phase keys, and people who are scored in it."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from medici_platform.accounts.rules import Role
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    submit,
)

F1 = {"title": "F1", "key": "f1", "index": 0, "sorting": "desc", "precision": 3}
SECONDS = {"title": "Seconds", "key": "seconds", "index": 1, "sorting": "asc", "precision": 1}


@dataclass
class Contest:
    platform: RunningPlatform
    olga: str
    worker: FakeWorker
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, name: str) -> str:
        if name not in self.tokens:
            self.tokens[name] = self.platform.user(name)
            join(self.platform, self.tokens[name])
        return self.tokens[name]

    def submit(self, name: str, *scores: str | None, report: dict[str, Any] | None = None) -> int:
        """Hand in and end one run a task: with these scores, or, for None, with a scoring program that failed."""
        before = len(self.platform.hints.hints)
        answer = submit(self.platform, self.token(name))
        answer.raise_for_status()
        for hint, text in zip(self.platform.hints.hints[before:], scores, strict=True):
            self.end(hint.run_id, text, report)
        number: int = answer.json()["id"]
        return number

    def end(self, run_id: int, scores: str | None, report: dict[str, Any] | None = None) -> None:
        claim = self.worker.claim(run_id)
        claim.raise_for_status()
        failed = {"failure": "scoring_failed", "private_detail": "Traceback: KeyError"}
        body = failed if scores is None else {"scores": {"scores_txt": scores, **(report or {})}}
        self.worker.call(run_id, claim.json()["token"], "report", body).raise_for_status()

    def call(self, method: str, path: str, name: str | None = "olga", **options: Any) -> Any:
        token = self.olga if name == "olga" else self.token(name) if name else None
        with self.platform.client(token) as client:
            return client.request(method, f"/api/v1{path}", **options)

    def board(self, name: str | None = None, **params: Any) -> dict[str, Any]:
        answer = self.call("GET", "/challenges/tiny/leaderboard", name, params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ranks(self, **params: Any) -> list[tuple[int | None, str, int]]:
        return [(each["rank"], each["participant"], each["submission"]) for each in self.board(**params)["entries"]]


def contest(
    platform: RunningPlatform,
    *,
    columns: list[dict[str, Any]] | None = None,
    rule: str = "Force_Best",
    tasks: int = 1,
    boards: list[dict[str, Any]] | None = None,
    phase: dict[str, Any] | None = None,
    files: dict[str, str | bytes] | None = None,
    names: list[str] | None = None,
    **challenge: Any,
) -> Contest:
    definition = yaml.safe_load(COMPETITION)
    task = definition["tasks"][0]
    named = names or [f"Task {'ABC'[index]}" for index in range(tasks)]
    definition["tasks"] = [{**task, "index": index, "name": name} for index, name in enumerate(named)]
    for each in definition["phases"]:
        each["tasks"] = list(range(len(named)))
    definition["phases"][1] |= {"max_submissions": 50, "max_submissions_per_day": 50, **(phase or {})}
    own = {"title": "Results", "key": "main", "submission_rule": rule, "columns": columns or [F1, SECONDS]}
    definition["leaderboards"] = boards or [own]
    definition |= challenge
    olga = platform.user("olga", Role.ORGANIZER)
    text = yaml.safe_dump(definition, sort_keys=False)
    answer = import_bundle(platform, olga, {**BUNDLE_FILES, **(files or {}), "competition.yaml": text})
    assert answer.status_code == 201, answer.text
    return Contest(platform, olga, FakeWorker(platform, platform.worker()))
