"""A challenge with two phases, changed as a test needs it, and those who play in it."""

from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from medici_platform.accounts.rules import Role
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    RESULTS_ZIP,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
)

INGESTION = {"ingestion_program/metadata": "command: python $program/run.py"}


@dataclass
class Stage:
    platform: RunningPlatform
    olga: str
    alice: str
    worker: FakeWorker

    def post(self, path: str, token: str, **sent: Any) -> httpx.Response:
        with self.platform.client(token) as client:
            return client.post(f"/api/v1{path}", **sent)

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        with self.platform.client(token or self.alice) as client:
            return client.get(f"/api/v1{path}")

    def submit(self, content: bytes = RESULTS_ZIP, *, token: str = "", fields: Any = None, **params: Any):
        return self.post(
            "/challenges/tiny/submissions",
            token or self.alice,
            params=params,
            data=fields,
            files={"file": ("upload.bin", content)},
        )

    def claim(self, run_id: int | None = None) -> dict[str, Any]:
        """What a worker is told of the newest run, or of this one."""
        answer = self.worker.claim(run_id or self.platform.hints.hints[-1].run_id)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def score(self, scores: str = "f1: 0.5") -> None:
        """Of the newest run."""
        self.worker.score(self.platform.hints.hints[-1].run_id, scores)

    def submissions(self, phase: str, token: str = "") -> list[dict[str, Any]]:
        """Of one phase, the oldest first."""
        items = self.get("/challenges/tiny/submissions?per_page=200", token or self.olga).json()["items"]
        return [item for item in reversed(items) if item["phase"] == phase]

    def join(self, name: str) -> str:
        token = self.platform.user(name)
        join(self.platform, token)
        return token


def set_stage(platform: RunningPlatform, *, practice: Any = None, final: Any = None, **top: Any) -> Stage:
    """`practice` and `final`: keys of the two phases; the others are keys of the bundle, or files that it gains."""
    files = {**BUNDLE_FILES, **top.pop("files", {})}
    bundle = {**yaml.safe_load(COMPETITION), **top}
    bundle["tasks"][0].update(top.pop("task", {}))
    bundle.pop("task", None)
    bundle["phases"][0].update(practice or {})
    bundle["phases"][1].update(final or {})
    files["competition.yaml"] = yaml.safe_dump(bundle, sort_keys=False)
    olga = platform.user("olga", Role.ORGANIZER)
    answer = import_bundle(platform, olga, files)
    assert answer.status_code == 201, answer.text
    stage = Stage(platform, olga, platform.user("alice"), FakeWorker(platform, platform.worker()))
    join(platform, stage.alice)
    return stage
