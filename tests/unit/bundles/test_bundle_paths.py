"""A path in its plain form is one that may be written again."""

import pytest

from medici_bundles.bundle_paths import inside


@pytest.mark.parametrize("path", ["./pages//a.md", "pages/a.md", "pages/./a.md/"])
def test_the_plain_form_stays_as_it_is(path: str) -> None:
    assert inside(path) == "pages/a.md"
    assert inside(inside(path)) == "pages/a.md"


@pytest.mark.parametrize("path", ["C:/data", "./C:/data", ".//x:", "/data", "data/../../x"])
def test_what_lies_outside_is_refused_however_it_is_written(path: str) -> None:
    with pytest.raises(ValueError, match="outside the bundle"):
        inside(path)
