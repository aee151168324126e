"""How hard the images are: weighted F1 on the test set of the light model, and of two rules that it must beat."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from layout import CLASSES, read_solution
from PIL import Image
from sklearn.metrics import f1_score

BUNDLE = Path(__file__).resolve().parents[1]
LIGHT_RANGE = (0.80, 0.98)
MOST_BY_NEIGHBOUR = 0.65

Pixels = npt.NDArray[np.float64]


def check(folder: Path) -> int:
    """Print the table for the data below `folder`; 0 when all three figures lie where they should."""
    rows = measure(folder)
    print(f"{'weighted F1 on the test set':42} {'measured':>9}   wanted")
    for title, figure, low, high in rows:
        print(f"{title:42} {figure:9.4f}   {low:.2f} to {high:.2f}{'' if low <= figure <= high else '   OUTSIDE'}")
    return 0 if all(low <= figure <= high for _, figure, low, high in rows) else 1


def measure(folder: Path) -> list[tuple[str, float, float, float]]:
    """Title, figure, and the range in which it should lie."""
    training, known = _pixels(folder, "training")
    testing, truth = _pixels(folder, "testing")
    nearest = [known[index] for index in _nearest(training, testing)]
    return [
        ("always one class", _f1(truth, [CLASSES[0]] * len(truth)), 0.0, 0.1),
        ("nearest neighbour on raw pixels", _f1(truth, nearest), 0.0, MOST_BY_NEIGHBOUR),
        ("light model (edges, logistic regression)", _f1(truth, _light(folder)), *LIGHT_RANGE),
    ]


def _answers(folder: Path, split: str) -> dict[str, str]:
    place = folder / "input_data" if split == "training" else folder / "reference_data" / split
    return read_solution(place / f"{split}_solution.csv")


def _pixels(folder: Path, split: str) -> tuple[Pixels, list[str]]:
    """Nx4096 grey values and N classes, in the order of the names."""
    answers = _answers(folder, split)
    paths = [folder / "input_data" / f"{split}-data" / name for name in sorted(answers)]
    images = [np.asarray(Image.open(path).convert("L"), dtype=float).ravel() for path in paths]
    return np.stack(images), [answers[path.name] for path in paths]


def _nearest(known: Pixels, asked: Pixels) -> npt.NDArray[np.int64]:
    squares = (asked**2).sum(1)[:, None] - 2 * asked @ known.T + (known**2).sum(1)[None]
    return np.argmin(squares, axis=1)


def _light(folder: Path) -> list[str]:
    """The light model's predictions for the test set, by the bundle's own programs."""
    sys.path[:0] = [str(BUNDLE / "training/light"), str(BUNDLE / "submission/light/docker_code_inference")]
    import inference_on_test  # noqa: PLC0415
    import train  # noqa: PLC0415

    with TemporaryDirectory() as made:
        train.train(folder / "input_data", Path(made), strength=train.STRENGTH)
        inference_on_test.MODEL = Path(made) / "model.npz"
        paths = sorted((folder / "input_data/testing-data").iterdir())
        return inference_on_test.classify(paths)


def _f1(truth: list[str], predicted: list[str]) -> float:
    return float(f1_score(truth, predicted, average="weighted", zero_division=0))
