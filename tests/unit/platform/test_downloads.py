"""What `medici` downloads is written whole or not at all, and a place that cannot be written is told in a sentence."""

from pathlib import Path

import httpx
import pytest

from medici_platform.cli.app import main
from medici_platform.cli.client import Client, write_file
from medici_platform.cli.output import CommandFailed


@pytest.fixture
def medici(capfd, monkeypatch):
    """`medici(*words)` on a platform whose answers are all the same."""
    answers = httpx.MockTransport(lambda _: httpx.Response(200, content=b"{}"))
    real = httpx.Client

    def call(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(httpx, "Client", lambda **options: real(**options, transport=answers))
        monkeypatch.setattr("sys.argv", ["medici", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return call


@pytest.mark.parametrize(
    "words", [("record", "1", "--run"), ("challenge", "export", "tiny")], ids=["record", "challenge export"]
)
def test_a_place_that_cannot_be_written_is_told_in_one_sentence(medici, tmp_path, words):
    target = tmp_path / "nowhere" / "x.zip"
    assert medici(*words, "-o", target) == (1, f"Error: {target} cannot be written: No such file or directory.\n")
    file = tmp_path / "file"
    file.touch()
    assert medici(*words, "-o", file / "x.zip") == (1, f"Error: {file}/x.zip cannot be written: Not a directory.\n")


def test_a_download_lies_where_it_was_asked_for(medici, tmp_path):
    target = tmp_path / "r.json"
    assert medici("record", "1", "--run", "-o", target) == (0, "")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("r.json", b"{}")]


def test_a_download_that_breaks_off_leaves_what_was_there(tmp_path, monkeypatch):
    def half():
        yield b"half of"
        raise httpx.ReadError("gone")

    client = Client("http://127.0.0.1:9")
    client._http = httpx.Client(
        base_url="http://127.0.0.1:9", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=half()))
    )
    target = tmp_path / "r.json"
    for before in ([], ["the record of yesterday"]):
        for text in before:
            target.write_text(text)
        with pytest.raises(CommandFailed, match="does not answer"):
            client.download("/runs/1/record", target)
        assert [path.read_text() for path in tmp_path.iterdir()] == before


def test_a_file_that_is_replaced_keeps_its_permissions_and_a_link_leads_on(tmp_path):
    target, link = tmp_path / "r.json", tmp_path / "link"
    target.touch(mode=0o600)
    link.symlink_to(target)
    with write_file(link) as content:
        content.write(b"new")
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o600)


def test_devices_are_written_in_place(tmp_path):
    with write_file(Path("/dev/null")) as content:
        content.write(b"new")
    with pytest.raises(CommandFailed, match=r" cannot be written: Is a directory\.$"), write_file(tmp_path):
        pass
