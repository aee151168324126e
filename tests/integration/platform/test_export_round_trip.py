"""An export imports as the same challenge: every key of the definition, every byte in the storage."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medici_bundles.reader import open_bundle
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.writing import write_definition
from medici_platform.accounts.rules import Role
from medici_platform.accounts.service import create_user
from medici_platform.app import make_context
from medici_platform.challenges import exporting
from medici_platform.challenges.exporting import current_definition, export_challenge
from medici_platform.challenges.importing import Order, import_bundle
from medici_platform.challenges.queries import get_challenge
from medici_platform.context import Context
from medici_platform.errors import Conflict
from medici_platform.queues.service import get_queue
from medici_platform.settings import Settings
from tests.factories import platform as factory
from tests.factories.definitions import definitions
from tests.factories.platform import BUNDLE_FILES, COMPETITION, PNG, RESULTS_ZIP, HintList, make_zip

LARGE = (HealthCheck.too_slow, HealthCheck.data_too_large)
CONTENTS: tuple[dict[str, str | bytes], ...] = (
    {"metadata": "command: python run.py"},
    {"metadata": "command: python run.py", "__pycache__/run.pyc": "compiled", ".gitignore": "*"},
    {"only/metadata": "command: python run.py", "only/deep/x.txt": "x"},
    {"only/only/metadata": "command: python run.py"},
    {"metadata.yaml": "command: run", "images/1.png": PNG, "größe.txt": "ü", "a/.gitkeep": ""},
)
"""Of data values: plain, with what folders leave out, wrapped once and twice, with dense files and other letters."""


class Place:
    """A platform in this process."""

    def __init__(self, folder: Path) -> None:
        chosen = Settings(data_dir=folder / "data")
        (folder / "data").mkdir()
        factory._make_schema(chosen)
        self.folder = folder
        self.context: Context = make_context(chosen, HintList())
        self.count = 0
        with self.context.database.write() as session:
            now = self.context.now()
            self.owner = create_user(session, username="olga", password=None, role=Role.ORGANIZER, now=now).id
            for name in ("ann", "ben"):
                create_user(session, username=name, password=None, now=now)
            get_queue(session, "big")

    def bring(self, content: bytes) -> str:
        """Import under a new name; answers the name."""
        self.count += 1
        path = self.folder / f"{self.count}.zip"
        path.write_bytes(content)
        return import_bundle(self.context, path, Order(self.owner, slug=f"challenge-{self.count}", publish=True)).slug

    def take(self, slug: str) -> bytes:
        with self.context.database.read() as session:
            challenge = get_challenge(session, slug, None)
            export = export_challenge(session, challenge, self.context.storage)
        return b"".join(export.stream())

    def state(self, slug: str) -> dict[str, Any]:
        """All that an export has to carry, but for the challenge's name."""
        with self.context.database.read() as session:
            challenge = get_challenge(session, slug, None)
            return {
                "definition": current_definition(session, challenge).model_dump() | {"slug": ""},
                "files": {file.path: (file.sha256, file.is_data, file.media_type) for file in challenge.files},
                "tasks": [_columns(task) for task in challenge.tasks],
                "phases": [_columns(phase) for phase in challenge.phases],
                "boards": [[_columns(column) for column in board.columns] for board in challenge.leaderboards],
                "references": [[_columns(row) for row in board.references] for board in challenge.leaderboards],
                "data_notice": challenge.data_notice,
                "pages": [(page.slug, page.html.replace(slug, "")) for page in challenge.pages],
                "facts": (challenge.fact_sheet, challenge.queue_id, [each.id for each in challenge.collaborators]),
            }


def _columns(row: Any) -> dict[str, Any]:
    names = row.__table__.columns.keys()
    return {name: getattr(row, name) for name in names if name != "id" and not name.endswith("_id")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("round-trip"))
    yield made
    made.context.database.close()


class Bundle:
    """A drawn challenge with files for everything that it names, as folders and as zips."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.said = draw(definitions()).model_dump(exclude_unset=True)
        self.files: dict[str, str | bytes] = {}
        self._paths: dict[tuple[str, str], str] = {}

    def zipped(self) -> bytes:
        self._place_data()
        self._write_pages()
        self._write_references()
        said = self.said | {"queue": self.draw(st.sampled_from([None, "big"]))}
        said["collaborators"] = self.draw(st.sampled_from([(), ("ann",), ("ben", "ann")]))
        definition = ChallengeDefinition.model_validate({key: each for key, each in said.items() if each is not None})
        return make_zip({"competition.yaml": write_definition(definition), **self.files})

    def _place_data(self) -> None:
        for task in self.said["tasks"]:
            for key in sorted({"scoring_program", "ingestion_program", "reference_data", "input_data"} & task.keys()):
                task[key] = self._data("programs" if "program" in key else key, task[key])
        for phase in self.said["phases"]:
            for key in sorted({"public_data", "starting_kit"} & phase.keys()):
                phase[key] = self._data("open", phase[key])
        for solution in self.said.get("solutions", ()):
            if "path" in solution:
                solution["path"] = self._data("solutions", solution["path"])

    def _data(self, role: str, ref: str) -> str:
        """One place for each reference; a folder or a zip, named with its suffix or without."""
        if (role, ref) not in self._paths:
            bare = f"{role}/d{len(self._paths)}"
            places = (0, 1, 4) if role == "programs" else range(len(CONTENTS))
            content = CONTENTS[self.draw(st.sampled_from(places))]
            form = self.draw(st.sampled_from(["folder", "zip", "wrapped zip"]))
            if form == "folder":
                self.files |= {f"{bare}/{name}": text for name, text in content.items()}
            else:
                prefix = "w/" if form == "wrapped zip" else ""
                self.files[f"{bare}.zip"] = make_zip({f"{prefix}{name}": text for name, text in content.items()})
            self._paths[role, ref] = bare + self.draw(st.sampled_from(["", ".zip"]))
        return self._paths[role, ref]

    def _write_pages(self) -> None:
        for number, page in enumerate(self.said.get("pages", ())):
            page["file"] = f"pages/{number}.md"
            self.files[page["file"]] = f"# Page {number}\n\n![seen](../pictures/a%20b.png)\n"
            self.files["pictures/a b.png"] = PNG
        single: tuple[tuple[str, str, str | bytes], ...] = (
            ("terms", "terms.html", "<p>Be fair</p>"),
            ("image", "logo.png", PNG),
            ("data_notice", "data_notice.txt", "Synthetic: <drawn> by a program.\n"),
        )
        for key, name, text in single:
            if self.said.get(key):
                self.said[key] = name
                self.files[name] = text

    def _write_references(self) -> None:
        for number, board in enumerate(self.said["leaderboards"]):
            ranks = {"avg_rank", "reciprocal_rank"}
            keys = [each["key"] for each in board["columns"] if each.get("computation") not in ranks]
            if board.get("reference_results"):
                board["reference_results"] = f"published/{number}.csv"
                text = f"method,task,{','.join(keys)},source,data\nSVM,,{','.join('1' for _ in keys)},A,published\n"
                self.files[board["reference_results"]] = text


@st.composite
def bundles(draw: st.DrawFn) -> bytes:
    return Bundle(draw).zipped()


def returns(place: Place, content: bytes) -> None:
    first = place.bring(content)
    exported = place.take(first)
    second = place.bring(exported)
    before, after = place.state(first), place.state(second)
    assert after == before
    assert place.take(first) == exported


@pytest.mark.slow
def test_challenges_return_as_they_were(place, monkeypatch):
    """With one file of the storage open at a time."""
    monkeypatch.setattr(exporting, "MOST_OPEN", 1)

    @settings(max_examples=40, deadline=None, suppress_health_check=LARGE)
    @given(bundles())
    def all_return(content: bytes) -> None:
        returns(place, content)

    all_return()


@pytest.mark.slow
def test_500_challenges_return_as_they_were(place):
    @settings(max_examples=500, deadline=None, suppress_health_check=LARGE)
    @given(bundles())
    def all_return(content: bytes) -> None:
        returns(place, content)

    all_return()


FILES = {
    **BUNDLE_FILES,
    "overview.md": '# Welcome\n\n<img src="pictures/scan.png" alt="A scan">',
    "pictures/scan.png": PNG,
    "README.md": "How to take part",
    "training/light/train.py": "pass",
    "data/make.py": "print('made')",
    "notes.txt": "of nobody's business",
}


def test_what_the_kit_offers_comes_along(place):
    exported = place.take(place.bring(make_zip(FILES)))
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        assert archive.namelist() == sorted(FILES.keys() - {"notes.txt"})
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name, text in FILES.items():
            if name not in ("competition.yaml", "notes.txt"):
                assert archive.read(name) == (text if isinstance(text, bytes) else text.encode())


def test_who_organizes_and_where_it_runs_are_exported_as_they_are_now(place):
    slug = place.bring(make_zip({**FILES, "competition.yaml": COMPETITION + "queue: big\ncollaborators: [ann]\n"}))
    with place.context.database.write() as session:
        challenge = get_challenge(session, slug, None)
        challenge.collaborators.clear()
        challenge.queue_id = None
    path = place.folder / "now.zip"
    path.write_bytes(place.take(slug))
    with open_bundle(path) as bundle:
        assert (bundle.definition.slug, bundle.definition.queue, bundle.definition.collaborators) == (slug, None, ())


def test_a_challenge_of_an_older_version_is_not_exported_by_halves(place):
    slug = place.bring(make_zip(FILES))
    with place.context.database.write() as session:
        get_challenge(session, slug, None).definition = {}
    with pytest.raises(Conflict, match="was imported by an older version"):
        place.take(slug)


def test_submissions_come_along_when_asked_for(platform):
    olga = platform.user("olga", Role.ORGANIZER)
    factory.import_bundle(platform, olga).raise_for_status()
    alice = platform.user("alice")
    factory.join(platform, alice)
    factory.submit(platform, alice).raise_for_status()
    worker = factory.FakeWorker(platform, platform.worker())
    worker.score(platform.hints.hints[-1].run_id, "f1: 0.5\nseconds: 2")
    with platform.client(olga) as client:
        plain = client.get("/api/v1/challenges/tiny/export")
        whole = client.get("/api/v1/challenges/tiny/export", params={"submissions": True})
    assert plain.headers["content-disposition"] == 'attachment; filename="tiny.zip"'
    with zipfile.ZipFile(io.BytesIO(plain.content)) as archive:
        assert not [name for name in archive.namelist() if name.startswith("submissions/")]
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.testzip() is None
        assert archive.read("submissions/1-submission.zip") == RESULTS_ZIP
        table = list(csv.DictReader(io.StringIO(archive.read("submissions/submissions.csv").decode())))
    kept = {key: table[0][key] for key in ("id", "participant", "phase", "kind", "state", "file", "f1", "seconds")}
    assert kept == {
        "id": "1",
        "participant": "alice",
        "phase": "Final",
        "kind": "results",
        "state": "finished",
        "file": "1-submission.zip",
        "f1": "0.5",
        "seconds": "2.0",
    }
    path = platform.context.settings.data_dir / "whole.zip"
    path.write_bytes(whole.content)
    with open_bundle(path) as bundle:
        assert bundle.report.ignored == ()


@pytest.mark.parametrize("ref", ["data", "data.zip"])
@pytest.mark.parametrize("content", CONTENTS)
def test_a_data_value_is_laid_out_so_that_it_is_stored_the_same_again(place, ref, content):
    files = {name: text for name, text in FILES.items() if not name.startswith(("input_data", "data/"))}
    wrapped = make_zip({f"w/{name}": text for name, text in content.items()})
    definition = COMPETITION.replace("input_data: input_data", f"input_data: {ref}")
    returns(place, make_zip({**files, "competition.yaml": definition, "data.zip": wrapped}))


@pytest.mark.slow
def test_import_update_and_export_on_postgresql(tmp_path, postgres_url):
    with factory.running_platform(tmp_path / "data", database_url=postgres_url) as platform:
        olga = platform.user("olga", Role.ORGANIZER)
        factory.import_bundle(platform, olga, FILES).raise_for_status()
        with platform.client(olga) as client:
            exported = client.get("/api/v1/challenges/tiny/export").content
            updated = client.put("/api/v1/challenges/tiny", files={"file": ("b.zip", exported)})
            assert (updated.status_code, updated.json()["version"], updated.json()["remarks"]) == (200, 2, [])
            assert client.get("/api/v1/challenges/tiny/export").content == exported
