from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.platform import RunningPlatform, running_platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RunningPlatform]:
    with running_platform(tmp_path / "data") as running:
        yield running
