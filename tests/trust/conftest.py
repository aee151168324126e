"""`make trust`: attacks and kills, counted. Without MEDICI_TRUST=full the same tests run with small counts."""

import os
from collections.abc import Iterator

import pytest

from tests.trust import evidence
from tests.trust.evidence import Evidence


@pytest.fixture(scope="session")
def trust(request: pytest.FixtureRequest) -> Iterator[Evidence]:
    """What was tried and what came of it; printed at the end, and kept when all of it was asked for."""
    found = Evidence(is_full=os.environ.get("MEDICI_TRUST") == "full")
    yield found
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n\n{found.markdown()}\n")
    if os.environ.get("MEDICI_TRUST_KEEP"):
        evidence.keep(found, failed=request.session.testsfailed, asked=request.config.args)
