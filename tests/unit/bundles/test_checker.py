from pathlib import Path

from medici_bundles.checker import CheckReport, check_bundle
from medici_bundles.faults import Fault
from tests.unit.bundles.challenges import replaced, write_bundle
from tests.unit.bundles.zips import Raw, raw_zip, saved


def test_a_sound_bundle_is_summed_up(tmp_path: Path) -> None:
    assert check_bundle(write_bundle(tmp_path)) == CheckReport(
        notes=("docker_image: not given, the platform's own is used for scoring programs without a Dockerfile",),
        format="Codabench 2",
        slug="chest-x-ray-2026",
        title="Chest X-ray (2026)",
        summary=(
            (
                "task 0 'Validation': input input_data/validation, reference reference_data/validation, scoring "
                "scoring_program"
            ),
            "task 1 'Test': input input_data/test, reference reference_data/test, scoring scoring_program",
            (
                "phase 0 'Training': from 2026-01-01 00:00 UTC until 2026-06-30 18:00 UTC+02:00, tasks 0, open data, "
                "accepts container, code, image, results, 100 submissions, 5 a day"
            ),
            (
                "phase 1 'Final': from 2026-07-01 00:00 UTC without an end, tasks 1, hidden data, accepts container, "
                "10 submissions, 5 a day"
            ),
            "leaderboard 'Results': precision, f1",
        ),
    )


def test_every_byte_of_the_data_is_read(tmp_path: Path) -> None:
    definition = replaced(("    input_data: input_data/test", "    input_data: damaged.zip"))
    folder = write_bundle(tmp_path, definition)
    saved(folder, raw_zip([Raw(b"1.jpg", crc=1)]), "damaged.zip")
    (folder / "public_data" / "link").symlink_to("/etc/passwd")
    (folder / "pages" / "overview.md").write_bytes(b"\xff")

    report = check_bundle(folder)

    assert not report.is_sound
    assert report.faults == (
        Fault(
            "competition.yaml",
            18,
            "tasks[1].input_data names damaged.zip, which cannot be used: Entry '1.jpg' is damaged: its checksum is "
            "wrong; upload the zip again.",
        ),
        Fault(
            "competition.yaml",
            25,
            "phases[0].public_data names public_data, which cannot be used: Entry 'link' is a link that leaves the "
            "folder; put the file itself there.",
        ),
        Fault("pages/overview.md", 0, "is not UTF-8 text; save it as UTF-8"),
    )


def test_a_definition_with_faults_is_reported_not_raised(tmp_path: Path) -> None:
    report = check_bundle(write_bundle(tmp_path, "version: 1\n"))

    assert list(map(str, report.faults)) == [
        "competition.yaml:1: leaderboard is missing",
        "competition.yaml:1: phases is missing",
        "competition.yaml:1: title is missing",
    ]
    assert (report.format, report.summary) == ("", ())
