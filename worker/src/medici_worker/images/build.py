"""Makes curated images on an engine, each only when what it is made from has changed."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image

from medici_worker.images.bases import import_debian, upstream_base
from medici_worker.images.debian_packages import fetch_debian_packages, listed_lines
from medici_worker.images.errors import ImageBuildFailed
from medici_worker.images.packages import Say, Target, install_packages, install_torch
from medici_worker.images.recipes import (
    IMAGE_NAMES,
    INPUTS_LABEL,
    PYTHON_LABEL,
    PYTHON_VERSION,
    Recipe,
    checkout,
    fingerprint,
    training_source,
    with_parents,
)

ENGINE_TIMEOUT_S = 900  # copying gigabytes into a layer is silent work


@dataclass(frozen=True)
class BuiltImage:
    """A curated image as it is on the engine now; `built` is False when it was up to date."""

    name: str
    tag: str
    id: str
    size_bytes: int
    built: bool
    took_s: float


def build_images(
    names: Sequence[str] = IMAGE_NAMES,
    *,
    engine: docker.DockerClient | None = None,
    say: Say = lambda _: None,
    force: bool = False,
    torch_backend: str = "cpu",
) -> list[BuiltImage]:
    """Make the named curated images and those they stand on; up-to-date ones are left alone.

    `say` gets one line per fact that a person waiting wants to know. `torch_backend` is `cpu`, or a CUDA version
    in uv's words (`cu130`) for machines with GPUs. An image that cannot be made takes only those with it that stand on
    it: the others are made, then `ImageBuildFailed` is raised, with one sentence for each image that failed.
    """
    work = _Work(engine or _engine(), say, force, torch_backend)
    built: list[BuiltImage] = []
    failed: dict[str, str] = {}
    for recipe in with_parents(names):
        if recipe.parent in failed:
            failed[recipe.name] = ""
            continue
        try:
            built.append(work.make(recipe))
        except ImageBuildFailed as failure:
            failed[recipe.name] = str(failure)
        except DockerException as error:
            reason = getattr(error, "explanation", None) or error
            failed[recipe.name] = f"The Docker engine refused: {reason}"
    if failed:
        raise ImageBuildFailed(" ".join(dict.fromkeys(filter(None, failed.values()))))
    return built


def _engine() -> docker.DockerClient:
    try:
        return docker.from_env(timeout=ENGINE_TIMEOUT_S)
    except DockerException as error:
        raise ImageBuildFailed("No Docker engine answers: `make engine` finds or starts one.") from error


@dataclass(frozen=True)
class _Work:
    engine: docker.DockerClient
    say: Say
    force: bool
    torch_backend: str

    def make(self, recipe: Recipe) -> BuiltImage:
        began = time.monotonic()
        labels = {INPUTS_LABEL: self._fingerprint(recipe)}
        before = self._image(recipe.tag)
        stale = self.force or before is None or before.labels.get(INPUTS_LABEL) != labels[INPUTS_LABEL]
        if stale:
            self._build(recipe, labels)
        image = self.engine.images.get(recipe.tag)
        if before is not None and before.id != image.id:
            self._forget(before)
        took_s = time.monotonic() - began
        size_bytes = int(image.attrs["Size"])
        self.say(f"{recipe.tag}: {'built' if stale else 'up to date'}, {size_bytes / 1e6:.0f} MB, {took_s:.1f} s")
        return BuiltImage(recipe.name, recipe.tag, str(image.id), size_bytes, stale, took_s)

    def _fingerprint(self, recipe: Recipe) -> str:
        parent = self._labels(f"medici/{recipe.parent}:latest").get(INPUTS_LABEL, "") if recipe.parent else ""
        variant = self.torch_backend if recipe.name == "torch" else ""
        return fingerprint(recipe, parent_fingerprint=parent, variant=variant)

    def _labels(self, tag: str) -> dict[str, str]:
        image = self._image(tag)
        return dict(image.labels) if image else {}

    def _image(self, tag: str) -> Image | None:
        try:
            return self.engine.images.get(tag)
        except ImageNotFound:
            return None

    def _forget(self, replaced: Image) -> None:
        """Remove the image that lost its name, unless other images or containers still stand on it."""
        with suppress(APIError):
            self.engine.images.remove(str(replaced.id))

    def _build(self, recipe: Recipe, labels: dict[str, str]) -> None:
        if recipe.kind == "wheels":
            self._build_on_parent(recipe, labels)
        elif recipe.kind == "program":
            self._build_program(recipe, labels)
        elif recipe.name == "base":
            self._build_base(recipe, labels)
        else:
            import_debian(self.engine, recipe, labels, self.say)

    def _build_base(self, recipe: Recipe, labels: dict[str, str]) -> None:
        upstream = upstream_base(self.engine)
        if upstream is None:
            import_debian(self.engine, recipe, labels, self.say)
            self.say(f"{recipe.tag} was made from Debian's packages, because no registry answered.")
            return
        with tempfile.TemporaryDirectory(prefix="medici-image-") as folder:
            (Path(folder) / "Dockerfile").write_text(f"FROM {upstream}\n", encoding="utf-8")
            self._docker_build(recipe, Path(folder), {}, labels | {PYTHON_LABEL: PYTHON_VERSION})
        self.say(f"{recipe.tag} is {upstream}, from the registry.")

    def _build_on_parent(self, recipe: Recipe, labels: dict[str, str]) -> None:
        parent_tag = f"medici/{recipe.parent}:latest"
        python_version = self._labels(parent_tag)[PYTHON_LABEL]
        with tempfile.TemporaryDirectory(prefix="medici-image-", dir="/var/tmp") as folder:
            context = Path(folder) / "context"
            context.mkdir()
            shutil.copy(recipe.folder / "Dockerfile", context)
            target = Target(python_version, str(self.engine.version()["Arch"]))
            self._install(recipe, context / "site-packages", target)
            listed = recipe.folder / "debian-packages.txt"
            if listed.is_file():
                debs, names = context / "debian-packages", listed_lines(listed)
                fetch_debian_packages(self.engine, parent_tag, names, debs, architecture=target.architecture)
            self._add_own_code(recipe, context)
            arguments = {"PARENT": parent_tag, "PYTHON_VERSION": python_version}
            self._docker_build(recipe, context, arguments, labels)

    def _add_own_code(self, recipe: Recipe, context: Path) -> None:
        """Our packages under `carried/`, beside `site/` of the recipe: what goes to the image's site-packages."""
        unwanted = shutil.ignore_patterns("__pycache__")
        (context / "carried").mkdir()
        for package in recipe.carried:
            shutil.copytree(package, context / "carried" / package.name, ignore=unwanted)
        if recipe.name == "monai" and not recipe.carried:
            self.say(f"{recipe.tag} is made without medici_training: there is no {training_source()} in this checkout.")
        if (recipe.folder / "site").is_dir():
            shutil.copytree(recipe.folder / "site", context / "site", ignore=unwanted)

    def _build_program(self, recipe: Recipe, labels: dict[str, str]) -> None:
        """By the Dockerfile that compose builds too; on a parent that has all packages nothing is fetched."""
        context = recipe.folder if recipe.name == "scoring" else checkout()
        dockerfile = str((recipe.folder / "Dockerfile").relative_to(context))
        arguments = {"PYTHON_IMAGE": f"medici/{recipe.parent}:latest"}
        self._docker_build(recipe, context, arguments, labels, dockerfile=dockerfile)

    def _install(self, recipe: Recipe, folder: Path, target: Target) -> None:
        if recipe.name == "torch":
            install_torch(folder, target, recipe.folder, backend=self.torch_backend, say=self.say)
        elif (recipe.folder / "requirements.txt").is_file():
            install_packages(folder, target, recipe.folder / "requirements.txt", options=["--no-deps"])

    def _docker_build(
        self,
        recipe: Recipe,
        context: Path,
        arguments: dict[str, str],
        labels: dict[str, str],
        *,
        dockerfile: str = "Dockerfile",
    ) -> None:
        """Build with no network: all that a Dockerfile of ours needs is in its context."""
        events = self.engine.api.build(
            path=str(context), dockerfile=dockerfile, tag=recipe.tag, buildargs=arguments, labels=labels,
            network_mode="none", rm=True, forcerm=True, decode=True,
        )  # fmt: skip
        _raise_on_failure(recipe, events)


def _raise_on_failure(recipe: Recipe, events: Any) -> None:
    said: list[str] = []
    for event in events:
        said.append(event.get("stream", "").strip())
        if "error" in event:
            last_words = " / ".join([line for line in said if line][-3:])
            raise ImageBuildFailed(f"{recipe.tag} did not build: {event['error']} ({last_words})")
