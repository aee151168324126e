"""The 18 flags of MedMNIST v2 and the ten names of v1's Decathlon: tasks, labels, official counts, sizes, licences.

Facts from the `medmnist` package 3.0.2 (Apache-2.0) and the papers: Yang et al., "MedMNIST Classification Decathlon",
ISBI 2021 (v1), and "MedMNIST v2", Scientific Data 2023.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from medici_training.medmnist import md5

SIZES_2D = (28, 64, 128, 224)
SIZES_3D = (28, 64)
CC_BY = "CC BY 4.0"
CC_BY_NC = "CC BY-NC 4.0"


class Task(StrEnum):
    """The four kinds of task, spelt as v2 spells them."""

    MULTI_CLASS = "multi-class"
    MULTI_LABEL = "multi-label, binary-class"
    BINARY = "binary-class"
    ORDINAL = "ordinal-regression"

    @property
    def in_v1(self) -> str:
        """As v1 spells it."""
        return "ordinal regression" if self is Task.ORDINAL else self.value


@dataclass(frozen=True)
class Counts:
    """Samples per split."""

    train: int
    val: int
    test: int

    def of(self, split: str) -> int:
        return {"train": self.train, "val": self.val, "test": self.test}[split]


@dataclass(frozen=True)
class Flag:
    name: str
    title: str
    """As it is written in text, such as BloodMNIST."""
    task: Task
    labels: tuple[str, ...]
    """The names of the labels in the order of their numbers."""
    samples: Counts
    """The official ones; a stand-in or a subset may hold others."""
    channels: int = 1
    is_3d: bool = False
    licence: str = CC_BY
    sizes: tuple[int, ...] = SIZES_2D
    version: int = 2
    alike: str = ""
    """For v1's organ sets: v2's flag that shows the same; otherwise the flag itself."""

    @property
    def classes(self) -> int:
        return len(self.labels)

    @property
    def label_width(self) -> int:
        """Columns of the labels array: one, or one per label where several may apply."""
        return self.classes if self.task is Task.MULTI_LABEL else 1

    @property
    def largest_label(self) -> int:
        return 1 if self.task is Task.MULTI_LABEL else self.classes - 1

    @property
    def v2_name(self) -> str:
        return self.alike or self.name

    def shape(self, size: int) -> tuple[int, ...]:
        """Of one image: S×S, S×S×3 or S×S×S."""
        return (size,) * 3 if self.is_3d else (size, size, *((self.channels,) if self.channels > 1 else ()))

    def md5(self, size: int) -> str | None:
        """Of the official file; None for v1's files, of which none are published."""
        return md5.OFFICIAL.get(self.name, {}).get(size) if self.version != 1 else None

    def check_size(self, size: int) -> int:
        """The size itself. Raises ValueError with one sentence when this flag has no such size."""
        if size not in self.sizes:
            raise ValueError(f"{self.name} has no size {size}: choose one of {', '.join(map(str, self.sizes))}.")
        return size


ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)
ORGANS_3D = (
    "liver",
    "kidney-right",
    "kidney-left",
    "femur-right",
    "femur-left",
    "bladder",
    "heart",
    "lung-right",
    "lung-left",
    "spleen",
    "pancreas",
)
"""Not the order of the 2D sets."""

_TWO_D = (
    Flag(
        "pathmnist",
        "PathMNIST",
        Task.MULTI_CLASS,
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
        Counts(89996, 10004, 7180),
        channels=3,
    ),
    Flag(
        "chestmnist",
        "ChestMNIST",
        Task.MULTI_LABEL,
        (
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ),
        Counts(78468, 11219, 22433),
    ),
    Flag(
        "dermamnist",
        "DermaMNIST",
        Task.MULTI_CLASS,
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
        Counts(7007, 1003, 2005),
        channels=3,
        licence=CC_BY_NC,
    ),
    Flag(
        "octmnist",
        "OCTMNIST",
        Task.MULTI_CLASS,
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        Counts(97477, 10832, 1000),
    ),
    Flag("pneumoniamnist", "PneumoniaMNIST", Task.BINARY, ("normal", "pneumonia"), Counts(4708, 524, 624)),
    Flag("retinamnist", "RetinaMNIST", Task.ORDINAL, ("0", "1", "2", "3", "4"), Counts(1080, 120, 400), channels=3),
    Flag("breastmnist", "BreastMNIST", Task.BINARY, ("malignant", "normal, benign"), Counts(546, 78, 156)),
    Flag(
        "bloodmnist",
        "BloodMNIST",
        Task.MULTI_CLASS,
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
        Counts(11959, 1712, 3421),
        channels=3,
    ),
    Flag(
        "tissuemnist",
        "TissueMNIST",
        Task.MULTI_CLASS,
        (
            "Collecting Duct, Connecting Tubule",
            "Distal Convoluted Tubule",
            "Glomerular endothelial cells",
            "Interstitial endothelial cells",
            "Leukocytes",
            "Podocytes",
            "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ),
        Counts(165466, 23640, 47280),
    ),
    Flag("organamnist", "OrganAMNIST", Task.MULTI_CLASS, ORGANS, Counts(34561, 6491, 17778)),
    Flag("organcmnist", "OrganCMNIST", Task.MULTI_CLASS, ORGANS, Counts(12975, 2392, 8216)),
    Flag("organsmnist", "OrganSMNIST", Task.MULTI_CLASS, ORGANS, Counts(13932, 2452, 8827)),
)


def _volume(name: str, title: str, task: Task, labels: tuple[str, ...], samples: Counts) -> Flag:
    return Flag(name, title, task, labels, samples, is_3d=True, sizes=SIZES_3D)


_THREE_D = (
    _volume("organmnist3d", "OrganMNIST3D", Task.MULTI_CLASS, ORGANS_3D, Counts(971, 161, 610)),
    _volume("nodulemnist3d", "NoduleMNIST3D", Task.BINARY, ("benign", "malignant"), Counts(1158, 165, 310)),
    _volume("adrenalmnist3d", "AdrenalMNIST3D", Task.BINARY, ("normal", "hyperplasia"), Counts(1188, 98, 298)),
    _volume(
        "fracturemnist3d",
        "FractureMNIST3D",
        Task.MULTI_CLASS,
        ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
        Counts(1027, 103, 240),
    ),
    _volume("vesselmnist3d", "VesselMNIST3D", Task.BINARY, ("vessel", "aneurysm"), Counts(1335, 191, 382)),
    _volume(
        "synapsemnist3d",
        "SynapseMNIST3D",
        Task.BINARY,
        ("inhibitory synapse", "excitatory synapse"),
        Counts(1230, 177, 352),
    ),
)

FLAGS: dict[str, Flag] = {flag.name: flag for flag in (*_TWO_D, *_THREE_D)}
"""v2 by name, in the order of its papers' tables."""


def _in_v1(flag: Flag, *, name: str = "", title: str = "", samples: Counts | None = None) -> Flag:
    """v1 knew 28 px alone, and counted organ slices some of which v2.2.4 removed because they are blank."""
    return replace(
        flag,
        name=name or flag.name,
        title=title or flag.title,
        samples=samples or flag.samples,
        sizes=(28,),
        version=1,
        alike=flag.name,
    )


DECATHLON: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        *(_in_v1(flag) for flag in _TWO_D[:7]),
        _in_v1(
            FLAGS["organamnist"],
            name="organmnist_axial",
            title="OrganMNIST_Axial",
            samples=Counts(34581, 6491, 17778),
        ),
        _in_v1(
            FLAGS["organcmnist"],
            name="organmnist_coronal",
            title="OrganMNIST_Coronal",
            samples=Counts(13000, 2392, 8268),
        ),
        _in_v1(
            FLAGS["organsmnist"],
            name="organmnist_sagittal",
            title="OrganMNIST_Sagittal",
            samples=Counts(13940, 2452, 8829),
        ),
    )
}
"""The ten sets of v1 by v1's names; seven of them are named as in v2."""


def get(name: str, *, version: int = 2) -> Flag:
    """The flag of this name; v1's organ names are known to both versions.

    Raises ValueError with one sentence that lists the flags when there is none.
    """
    known = DECATHLON if version == 1 else {**DECATHLON, **FLAGS}
    if name in known:
        return known[name]
    raise ValueError(f"MedMNIST has no flag {name!r}: choose one of {', '.join(known)}.")
