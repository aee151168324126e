"""`make seeds`: every complete challenge at the setting for which its README gives a figure, as one table.

Slower than the suite, so it runs only when this folder is named.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.seeds.table import Table

HERE = Path(__file__).parent
README = HERE.parents[1] / "bundles" / "README.md"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    named = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    return None if any(path.is_relative_to(HERE) for path in named) else True


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """What the tests measured; printed at the end, and kept in bundles/README.md when all of them have run."""
    measured = Table()
    yield measured
    text = measured.markdown()
    print(f"\n{text}")
    named = [Path(arg).resolve() for arg in request.config.args]
    is_whole = named == [HERE] and not request.config.getoption("keyword")
    if is_whole and request.session.testsfailed == 0:
        measured.keep(README)
