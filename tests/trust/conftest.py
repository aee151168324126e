"""`make trust`: attacks and kills, counted. The full counts are asked for by name; the suite runs short ones."""

import os
from collections.abc import Iterator

import pytest

from tests.trust.evidence import Evidence


@pytest.fixture(scope="session")
def trust() -> Iterator[Evidence]:
    """What was tried and what came of it; printed at the end."""
    evidence = Evidence(
        kills=int(os.environ.get("MEDICI_TRUST_KILLS", "5")), runs=int(os.environ.get("MEDICI_TRUST_RUNS", "60"))
    )
    yield evidence
    print(f"\n{evidence.markdown()}")
