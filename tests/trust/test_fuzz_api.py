"""Every endpoint of the API and of the workers' API, with what nobody would send, as each kind of caller."""

import copy
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from fastapi.openapi.utils import get_openapi
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.service import issue_token
from medici_platform.runs.worker_api import router as worker_api
from medici_platform.web import REFUSALS
from tests.factories.platform import FakeWorker, running_platform, submit
from tests.integration.platform.permission_stage import PermissionStage

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = {"participant": "alice", "organizer": "olga", "administrator": "ada"}
EXAMPLES, EXAMPLES_IN_FULL = 4, 60


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[PermissionStage]:
    often = dict.fromkeys(("sign_in_attempts", "address_attempts", "upload_attempts"), "100000000/minute")
    with running_platform(tmp_path_factory.mktemp("fuzz") / "data", **often) as platform:
        stage = PermissionStage(platform, forgets=False)
        yield stage
        stage.close()


def known(stage: PermissionStage, path: str) -> dict[str, Any]:
    """What the path's fields may be, so that not all that is asked for is unknown."""
    values = {
        "slug": "tiny",
        "submission_id": stage.tiny.scored,
        "run_id": stage.tiny.run,
        "entry_id": stage.tiny.entry,
        "index": 0,
        "username": "bob",
        "decision": "approve",
        "alert_id": 1,
        "token_id": 1,
        "name": "w1",
        "role": "submission",
    }
    return {name: value for name, value in values.items() if f"{{{name}}}" in path}


class Fuzzer:
    """Counts what is sent and what comes back."""

    def __init__(self, url: str, *, examples: int, number: int) -> None:
        self._url, self._examples, self._seed = url, examples, number
        self._session = requests.Session()
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []

    def send(self, operation: Any, tokens: list[str], mode: GenerationMode, fields: dict[str, Any]) -> None:
        """Every example as every caller."""

        @seed(self._seed)
        @settings(
            max_examples=self._examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode, **({"path_parameters": fields} if fields else {})))
        def try_it(case: Any) -> None:
            for token in tokens:
                headers = {"Authorization": f"Bearer {token}"}
                answer = case.call(base_url=self._url, session=self._session, headers=headers, timeout=60)
                self.statuses[answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)
                require_refusal(answer)

        try:
            try_it()
        except Unsatisfiable:
            pass  # an endpoint that takes nothing cannot be asked wrongly
        except (FailureGroup, Failure, AssertionError) as failure:
            self.failures.append(f"{operation.label}: {failure}")

    def close(self) -> None:
        self._session.close()


def require_refusal(answer: Any) -> None:
    """A refusal tells a code and a sentence, and nothing of our insides."""
    assert b"Traceback" not in answer.content
    assert b"medici_platform/" not in answer.content
    if answer.status_code >= 400:
        told = answer.json()
        assert isinstance(told["code"], str), told
        assert told["message"].strip(), told


def test_no_caller_gets_the_api_to_fail(stage, trust):
    with httpx.Client(base_url=stage.platform.url, timeout=60) as http:
        document = http.get("/api/v1/openapi.json").json()
    fuzzer = Fuzzer(stage.platform.url, examples=EXAMPLES_IN_FULL if trust.is_full else EXAMPLES, number=trust.seed)
    operations = list(operations_of(document))
    for operation in operations:
        tokens = [new_token(stage, name) for name in ROLES.values()]  # those before may have been revoked
        fields = known(stage, operation.path)
        fuzzer.send(operation, tokens, GenerationMode.POSITIVE, fields)
        fuzzer.send(operation, tokens, GenerationMode.NEGATIVE, {})
        if trust.is_full and fields:
            fuzzer.send(operation, tokens, GenerationMode.POSITIVE, {})
            fuzzer.send(operation, tokens, GenerationMode.NEGATIVE, fields)
    fuzzer.close()
    note(trust, "the API", fuzzer, operations, f"as {', '.join(ROLES)}")
    assert fuzzer.failures == []
    assert not any(status >= 500 for status in fuzzer.statuses)
    assert {200, 201, 403, 404, 409, 422} <= fuzzer.statuses.keys()


def test_no_worker_gets_its_api_to_fail(stage, trust):
    fuzzer = Fuzzer(stage.platform.url, examples=EXAMPLES_IN_FULL if trust.is_full else EXAMPLES, number=trust.seed)
    operations = list(operations_of(workers_document()))
    worker = stage.platform.worker("fuzzed")  # the stage's own may have been revoked
    for operation in operations:
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            run, token = newly_claimed(stage, worker)
            fields = {"run_id": run} if "{run_id}" in operation.path else {}
            if "{role}" in operation.path:
                fields["role"] = "submission"
            credential = token if fields else worker
            fuzzer.send(operation, [credential], mode, fields)
    fuzzer.close()
    note(trust, "the workers' API", fuzzer, operations, "as worker")
    assert fuzzer.failures == []
    assert not any(status >= 500 for status in fuzzer.statuses)


def operations_of(document: dict[str, Any]) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for found in openapi.from_dict(document).get_all_operations():
            yield found.ok()


def workers_document() -> dict[str, Any]:
    """The workers' API is in no public document: one is made here."""
    routes = []
    for route in worker_api.routes:
        shown = copy.copy(route)
        shown.include_in_schema = True  # type: ignore[attr-defined]
        routes.append(shown)
    document = get_openapi(title="MedICI for workers", version="1", routes=routes)
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"] |= {each: {"description": told["description"]} for each, told in REFUSALS.items()}
    return document


def new_token(stage: PermissionStage, name: str) -> str:
    with stage.platform.context.database.write() as session:
        user = user_by_name(session, name)
        assert user
        return issue_token(session, user, name="fuzz", now=stage.platform.clock.now())


def newly_claimed(stage: PermissionStage, worker: str) -> tuple[int, str]:
    answer = submit(stage.platform, new_token(stage, "otto"), slug="draft")
    answer.raise_for_status()
    run = stage.platform.hints.hints[-1].run_id
    claim = FakeWorker(stage.platform, worker).claim(run)
    claim.raise_for_status()
    return run, claim.json()["token"]


def note(trust: Any, what: str, fuzzer: Fuzzer, operations: list[Any], who: str) -> None:
    count, failed = fuzzer.statuses.total(), sum(n for status, n in fuzzer.statuses.items() if status >= 500)
    trust.note(
        f"schemathesis: {count} requests to {len(operations)} endpoints of {what}, {who}", f"{failed} answers of 5xx"
    )
