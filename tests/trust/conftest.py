import pytest

from tests.trust.evidence import Evidence


@pytest.fixture(scope="session")
def trust(request: pytest.FixtureRequest) -> Evidence:
    """Where a test says what it tried and what came of it."""
    return request.config.pluginmanager.getplugin("trust").evidence
