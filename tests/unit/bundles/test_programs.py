"""How programs are recognised."""

import pytest

from medici_bundles.programs import names_command


@pytest.mark.parametrize(
    "metadata",
    [b"command: python score.py", b"a: b\n  command : x\n", b"command:\n  python score.py\n", b"command: >\r\n  x"],
)
def test_a_command(metadata):
    assert names_command(metadata)


@pytest.mark.parametrize("metadata", [b"", b"command:", b"command: \n\n", b"the command: x", b"\n" * 64 * 1024])
def test_no_command(metadata):
    assert not names_command(metadata)
