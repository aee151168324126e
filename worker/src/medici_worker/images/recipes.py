"""Which curated images exist, what each is made from, and when one is out of date."""

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medici_worker.images.errors import ImageBuildFailed

INPUTS_LABEL = "org.medici.inputs"
PYTHON_LABEL = "org.medici.python"
PYTHON_VERSION = "3.11"
PACKAGE_PARTS = ("pyproject.toml", "src")


@dataclass(frozen=True)
class Recipe:
    """One image of ours and the image that it stands on.

    `debian` images are a Debian system imported whole; `wheels` images are packages copied onto their parent, Python's
    (`requirements.txt`), Debian's (`debian-packages.txt`) or modules of their own (`site/`); both have a folder in
    `worker/images`. `program` images are built by the Dockerfile of a folder of the checkout.
    """

    name: str
    kind: Literal["debian", "wheels", "program"]
    parent: str | None = None
    parts: tuple[str, ...] = ()
    """Of a program: the files and folders of the checkout that its Dockerfile copies."""

    @property
    def tag(self) -> str:
        return f"medici/{self.name}:latest"

    @property
    def folder(self) -> Path:
        return (checkout() if self.kind == "program" else images_folder()) / self.name

    @property
    def sources(self) -> list[Path]:
        """All that shapes the image, beside its parent."""
        if self.kind == "program":
            return [self.folder / "Dockerfile", *(checkout() / part for part in self.parts)]
        return [self.folder, *self.carried]

    @property
    def carried(self) -> list[Path]:
        """Folders of our own Python packages that the image has beside the wheels of its requirements."""
        if self.name == "python":
            return [scoring_source()]
        return [training_source()] if self.name == "monai" and training_source().is_dir() else []


PACKAGES = tuple(f"{name}/{part}" for name in ("platform", "bundles", "scoring", "worker") for part in PACKAGE_PARTS)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", "debian"),
        Recipe("python", "wheels", parent="base"),
        Recipe("codalab", "wheels", parent="python"),
        Recipe("torch", "wheels", parent="python"),
        Recipe("monai", "wheels", parent="torch"),
        Recipe("monai-compat", "wheels", parent="monai"),
        Recipe("timm", "wheels", parent="monai"),
        Recipe("postgres", "debian"),
        Recipe("redis", "debian"),
        Recipe("packages", "wheels", parent="base"),
        Recipe("platform", "program", parent="packages", parts=(*PACKAGES, "platform/check-secrets", "migrations")),
        Recipe("worker", "program", parent="packages", parts=("worker/pyproject.toml", "worker/src", "worker/start")),
        Recipe("scoring", "program", parent="python", parts=("scoring/src", "scoring/start")),
    )
}
IMAGE_NAMES = tuple(name for name in RECIPES if name not in {"base", "packages"})


def images_folder() -> Path:
    """`worker/images` of the checkout that this package is installed from."""
    folder = Path(__file__).resolve().parents[3] / "images"
    if not folder.is_dir():
        raise ImageBuildFailed("Curated images are built from a checkout of MedICI: run `make images` there.")
    return folder


def checkout() -> Path:
    return images_folder().parents[1]


def with_parents(names: Sequence[str]) -> list[Recipe]:
    """The recipes of `names` and all that they stand on, parents first, each once."""
    ordered: dict[str, Recipe] = {}
    for name in names:
        for recipe in reversed(list(_ancestry(name))):
            ordered[recipe.name] = recipe
    return list(ordered.values())


def _ancestry(name: str) -> Iterator[Recipe]:
    current: str | None = name.removeprefix("medici/").removesuffix(":latest")
    while current:
        if current not in RECIPES:
            raise ImageBuildFailed(f"There is no curated image {current!r}: choose from {', '.join(IMAGE_NAMES)}.")
        yield RECIPES[current]
        current = RECIPES[current].parent


def scoring_source() -> Path:
    """The folder of `medici_scoring`, which medici/python carries; found without importing it."""
    spec = importlib.util.find_spec("medici_scoring")
    if spec is None or not spec.submodule_search_locations:
        raise ImageBuildFailed("medici/python carries medici_scoring, which is not installed here: run `make setup`.")
    return Path(spec.submodule_search_locations[0])


def training_source() -> Path:
    """The folder of `medici_training`, which medici/monai carries where the checkout has it."""
    return checkout() / "bundles/training/src/medici_training"


def fingerprint(recipe: Recipe, *, parent_fingerprint: str, variant: str) -> str:
    """sha256 over all that shapes the image: its sources, its parent and its variant."""
    digest = hashlib.sha256(f"{recipe.name}\n{parent_fingerprint}\n{variant}\n".encode())
    for source in recipe.sources:
        for file in _files(source):
            digest.update(f"{file.relative_to(source)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(source: Path) -> list[Path]:
    found = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
    return sorted(file for file in found if "__pycache__" not in file.parts)
