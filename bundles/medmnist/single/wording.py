"""The words that fill in the pages of a challenge of one set."""

from medici_training.medmnist import npz
from medici_training.medmnist.flags import Flag, Task

SHOWS = {
    "pathmnist": "Colorectal tissue under the microscope",
    "chestmnist": "Chest X-rays",
    "dermamnist": "Lesions of the skin",
    "octmnist": "Layers of the retina, by optical coherence tomography",
    "pneumoniamnist": "Chest X-rays of children",
    "retinamnist": "The back of the eye, with diabetic retinopathy of five grades",
    "breastmnist": "Ultrasound of the breast",
    "bloodmnist": "Single blood cells under the microscope",
    "tissuemnist": "Cells of the human kidney cortex, under the fluorescence microscope",
    "organamnist": "Organs in CT, cut across",
    "organcmnist": "Organs in CT, seen from the front",
    "organsmnist": "Organs in CT, seen from the side",
    "organmnist3d": "Organs in CT, as volumes",
    "nodulemnist3d": "Lung nodules in CT, as volumes",
    "adrenalmnist3d": "The shapes of adrenal glands, from CT",
    "fracturemnist3d": "Rib fractures in CT, as volumes",
    "vesselmnist3d": "The shapes of brain vessels, from MR angiography",
    "synapsemnist3d": "Synapses under the electron microscope, as volumes",
}
LARGE_PX = 128
MEMORY_MB = {False: 4096, True: 8192}
"""Of small and of large images."""
TWO_D = {"train": 800, "val": 100, "test": 400}
MULTI_LABEL = {"train": 1500, "val": 200, "test": 400}
THREE_D = {"train": 500, "val": 80, "test": 200}
FEW_COLUMNS = 2
KAPPA = "      - {index: 2, title: Quadratic kappa, key: kappa, sorting: desc, precision: 4}\n"


def stand_in_counts(flag: Flag) -> dict[str, int]:
    """How many images a stand-in has by default."""
    return THREE_D if flag.is_3d else MULTI_LABEL if flag.task is Task.MULTI_LABEL else TWO_D


def words_for(flag: Flag, size: int, *, counts: dict[str, int], seed: int) -> dict[str, str]:
    """Every `$name` of the templates."""
    memory_mb = MEMORY_MB[size >= LARGE_PX and not flag.is_3d]
    prefix = npz.file_name(flag, size).removesuffix(".npz")
    return {
        **_task_words(flag),
        "flag": flag.name,
        "title": flag.title,
        "slug": f"medmnist-{flag.name}-{size}",
        "size": str(size),
        "prefix": prefix,
        "file": f"{prefix}.npz",
        "description": f"{SHOWS[flag.name]}: {_asked(flag)}",
        "question": f"{SHOWS[flag.name]}. {_asked(flag)}",
        "shape": "×".join([str(size)] * (3 if flag.is_3d else 2)),
        "array": "×".join(map(str, flag.shape(size))),
        "width": str(flag.label_width),
        "colour": " in colour" if flag.channels > 1 else "",
        "labels": "\n".join(f"| {number} | {label} |" for number, label in enumerate(flag.labels)),
        "licence": flag.licence,
        "memory_mb": str(memory_mb),
        "memory_gb": str(memory_mb // 1024),
        "example": "\n".join(_example_line(index, flag.classes) for index in range(FEW_COLUMNS)),
        **{split: f"{flag.samples.of(split):,}" for split in npz.SPLITS},
        **{f"count_{split}": str(counts[split]) for split in npz.SPLITS},
        "seed": str(seed),
    }


def _asked(flag: Flag) -> str:
    if flag.task is Task.MULTI_LABEL:
        return f"{flag.classes} findings: which of them does an image show?"
    if flag.task is Task.BINARY:
        return f"{flag.labels[0].capitalize()}, or {flag.labels[1]}?"
    return f"Which of {flag.classes} {'grades' if flag.task is Task.ORDINAL else 'classes'} is it?"


def _task_words(flag: Flag) -> dict[str, str]:
    """How it is scored, in words."""
    if flag.task is Task.MULTI_LABEL:
        return {
            "columns": f"{flag.classes} of them, one for each finding in the order of the labels",
            "auc": "the mean over the findings of the area under the ROC curve",
            "acc": "the share of all yes and no, by the score being above 0.5 or not, that are right",
            "more": (
                " **Do not read much into it**: most findings are absent from most\n  images, so that to say no "
                "everywhere gets about 0.95 on the real images, as much as published methods. The\n  report tells "
                "what it gets here."
            ),
            "kappa": "",
        }
    if flag.task is Task.BINARY:
        return {
            "columns": f"two of them, or only that of “{flag.labels[1]}”",
            "auc": f"the area under the ROC curve of the last score, that of “{flag.labels[1]}”",
            "acc": "the share of images for which the last score, above 0.5 or not, says the right class",
            "more": "",
            "kappa": "",
        }
    is_ordinal = flag.task is Task.ORDINAL
    kappa = "\n- **Kappa**: Cohen's, with quadratic weights, which counts how far off a grade is."
    return {
        "columns": f"{flag.classes} of them, one for each class in the order of the labels",
        "auc": "the mean over the classes of the area under the ROC curve, each against all others",
        "acc": "the share of images whose highest score is that of the right class",
        "more": kappa if is_ordinal else "",
        "kappa": KAPPA if is_ordinal else "",
    }


def _example_line(index: int, columns: int) -> str:
    high = columns - 1 - index
    scores = [0.9 if column == high else round(0.1 / (columns - 1), 3) for column in range(columns)]
    return ",".join(map(str, [index, *scores]))
