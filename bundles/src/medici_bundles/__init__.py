"""What an organizer writes: the bundle format, archives from strangers, and what a submission is."""

from medici_bundles.archives import DATA_LIMITS, ArchiveFile, ArchiveLimits, ArchiveListing, check_zip
from medici_bundles.checker import CheckReport, check_bundle
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.image_archives import SavedImage, repack_image
from medici_bundles.kit import build_kit
from medici_bundles.packing import Packed, extract_zip, pack_folder, repack_zip
from medici_bundles.reader import Bundle, open_bundle
from medici_bundles.report import ImportReport
from medici_bundles.schema import (
    BuildSettings,
    ChallengeDefinition,
    Column,
    Leaderboard,
    LimitSettings,
    Page,
    Phase,
    Task,
)
from medici_bundles.submissions import KINDS, RecognisedSubmission, recognise, recognise_file

__all__ = [
    "DATA_LIMITS",
    "KINDS",
    "ArchiveFile",
    "ArchiveLimits",
    "ArchiveListing",
    "ArchiveRejected",
    "BuildSettings",
    "Bundle",
    "BundleRejected",
    "ChallengeDefinition",
    "CheckReport",
    "Column",
    "Fault",
    "ImportReport",
    "Leaderboard",
    "LimitSettings",
    "Packed",
    "Page",
    "Phase",
    "RecognisedSubmission",
    "SavedImage",
    "Task",
    "build_kit",
    "check_bundle",
    "check_zip",
    "extract_zip",
    "open_bundle",
    "pack_folder",
    "recognise",
    "recognise_file",
    "repack_image",
    "repack_zip",
]
