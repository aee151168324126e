"""Eleven organs in computed tomography, each in the middle of what surrounds it: as a volume, or as a slice of it.

Everything is drawn as on the patient's left (the right of the image, where the spine lies to the left of a left
organ) and mirrored for organs on the right. Densities run from air, 0, to bone, 1. Axial, coronal and sagittal sets
are slices through these same scenes, so sagittal ones tell left from right by neighbours alone, if at all.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from medici_training.medmnist.flags import ORGANS, ORGANS_3D
from medici_training.standins.canvas import Array, Random, exposed
from medici_training.standins.space import Point, Space, cube, moved, slice_at

AIR, LUNG, FAT, WATER, SOFT, MUSCLE, BLOOD, BONE = 0.03, 0.1, 0.3, 0.42, 0.5, 0.53, 0.68, 0.95
LIVER, SPLEEN, KIDNEY, PANCREAS, HEART = 0.62, 0.64, 0.74, 0.52, 0.6

LEFT, RIGHT = 1, -1


class Scene:
    """A space that is filled part by part, the later ones in front."""

    def __init__(self, space: Space, random: Random, ground: float) -> None:
        self.space = space
        self.random = random
        self.image = np.full(space.z.shape, ground) + 0.03 * space.clouds(random, 3)

    def put(self, mask: Array, density: float) -> None:
        self.image = self.image * (1 - mask) + mask * density

    def oval(self, middle: Point, radii: Point, density: float, *, loose: float = 0.1, soft: float = 0.06) -> None:
        """An ellipsoid; sizes and place differ from body to body by `loose`."""
        sizes = np.asarray(radii) * np.exp(self.random.normal(0, loose, 3))
        place = np.asarray(middle) + self.random.normal(0, 0.5 * loose, 3)
        self.put(self.space.oval(_point(place), _point(sizes), soft), density + self.random.normal(0, 0.02))

    def tube(self, start: Point, end: Point, radius: float, density: float) -> None:
        moved_end = _point(np.asarray(end) + self.random.normal(0, 0.06, 3))
        self.put(self.space.tube(start, moved_end, radius), density)

    def vessels(self, count: int, spread: Point, density: float) -> None:
        """Short vessels in all directions."""
        for _ in range(count):
            start = self.random.uniform(-1, 1, 3) * spread
            end = start + self.random.normal(0, 0.3, 3)
            inside = self.space.tube(_point(start), _point(end), self.random.uniform(0.04, 0.08), 0.3)
            self.put(0.8 * inside, density)

    def spine(self, y: float, x: float) -> None:
        """Vertebrae from head to feet, discs between them, and the canal behind."""
        column = self.space.oval((0, y, x), (9, 0.3, 0.32), 0.08)
        discs = 0.75 + 0.25 * np.cos(9 * self.space.z + self.random.uniform(0, 6))
        self.put(column, BONE * 0.85)
        self.image = self.image * (1 - column) + column * self.image * discs
        self.put(self.space.oval((0, y + 0.38, x), (9, 0.1, 0.12), 0.2), WATER)

    def ribs(self, x: float) -> None:
        """Bones crossing at one side, in even distances."""
        wall = self.space.oval((0, 0, 0), (9, 1.5, abs(x) + 0.05), 0.05) - self.space.oval(
            (0, 0, 0), (9, 1.35, abs(x) - 0.08), 0.05
        )
        side = self.space.x * np.sign(x) > 0
        rows = np.cos(7 * (self.space.z + 0.4 * self.space.y) + self.random.uniform(0, 6)) > 0.2  # noqa: PLR2004  width
        self.put(np.clip(wall, 0, 1) * side * rows, BONE)


def _point(values: Array) -> Point:
    z, y, x = (float(value) for value in values)
    return z, y, x


def _bladder(scene: Scene, _: int) -> None:
    for x in (-1.15, 1.15):
        scene.oval((0.1, 0.1, x), (0.42, 0.4, 0.35), BONE)
    scene.oval((0.5, -0.8, 0), (0.22, 0.2, 0.5), BONE)
    scene.oval((0, 0.9, 0), (0.7, 0.3, 0.35), SOFT)
    scene.oval((0, 0, 0), (0.52, 0.55, 0.66), WATER, loose=0.2)


def _femur(scene: Scene, _: int) -> None:
    """The head in its socket, the neck outwards, the shaft down between muscles."""
    scene.oval((0.2, 0.1, 0.2), (1.2, 0.9, 0.85), MUSCLE)
    scene.oval((-0.4, 0, -0.75), (0.75, 0.55, 0.3), BONE * 0.9)
    scene.tube((-0.35, 0, -0.2), (0.05, 0.05, 0.35), 0.2, BONE)
    scene.tube((0.05, 0.05, 0.35), (1.6, 0.05, 0.25), 0.25, BONE)
    scene.tube((0.15, 0.05, 0.33), (1.6, 0.05, 0.25), 0.11, SOFT)
    scene.oval((-0.38, 0, -0.25), (0.36, 0.36, 0.36), BONE)
    scene.oval((-0.38, 0, -0.25), (0.24, 0.24, 0.24), 0.8)


def _heart(scene: Scene, _: int) -> None:
    for side in (-1, 1):
        scene.oval((0, 0.15, 0.95 * side), (1.5, 1.0, 0.5), LUNG)
    scene.spine(1.1, -0.1)
    scene.oval((0, -0.95, -0.1), (1.2, 0.12, 0.2), BONE)
    scene.oval((0.05, 0, 0.05), (0.66, 0.6, 0.68), HEART, loose=0.12)
    scene.oval((0.1, 0.05, 0.25), (0.35, 0.25, 0.22), BLOOD)
    scene.oval((-0.05, -0.1, -0.25), (0.3, 0.22, 0.25), BLOOD)
    scene.oval((0, 0.8, 0.25), (2, 0.15, 0.15), BLOOD)


def _kidney(scene: Scene, side: int) -> None:
    scene.spine(0.35, -1.2)
    scene.oval((0.2, 0.45, -0.65), (1.4, 0.25, 0.22), MUSCLE)
    if side == LEFT:
        scene.oval((-0.85, -0.2, 0.65), (0.6, 0.5, 0.35), SPLEEN)
        scene.oval((0.3, -0.95, 0.4), (0.4, 0.25, 0.3), AIR)
    else:
        scene.oval((-0.75, -0.7, 0.5), (1.0, 0.55, 0.8), LIVER)
    scene.oval((0, 0, 0), (0.74, 0.42, 0.42), KIDNEY, loose=0.12)
    scene.oval((0, 0, -0.08), (0.45, 0.2, 0.2), KIDNEY - 0.16)
    scene.oval((0, -0.05, -0.34), (0.2, 0.14, 0.2), FAT)


def _liver(scene: Scene, _: int) -> None:
    scene.spine(0.85, -0.95)
    scene.oval((-1.15, 0, 0.2), (0.4, 1, 1), LUNG)
    scene.oval((0.6, 0.7, 0.15), (0.6, 0.28, 0.28), KIDNEY)
    scene.oval((0.1, -0.5, -1.05), (0.5, 0.4, 0.35), AIR)
    scene.ribs(1.0)
    scene.oval((0, 0, 0.05), (0.72, 0.66, 0.8), LIVER, loose=0.15)
    scene.vessels(5, (0.4, 0.35, 0.45), BLOOD)


def _lung(scene: Scene, side: int) -> None:
    scene.spine(0.8, -1.15)
    scene.ribs(0.75)
    scene.oval((0, 0, 0), (0.85, 0.68, 0.52), LUNG, loose=0.12)
    scene.vessels(6, (0.5, 0.4, 0.3), SOFT)
    if side == LEFT:
        scene.oval((0.25, -0.3, -0.62), (0.5, 0.45, 0.42), HEART)
        scene.oval((0, 0.5, -0.75), (2, 0.14, 0.14), BLOOD)
    else:
        scene.oval((0.2, -0.3, -0.85), (0.4, 0.4, 0.35), HEART)
        scene.oval((1.0, 0, 0.1), (0.5, 0.7, 0.7), LIVER)


def _pancreas(scene: Scene, _: int) -> None:
    scene.spine(0.95, -0.2)
    scene.oval((0.3, 0.55, 0.25), (2, 0.16, 0.16), BLOOD)
    scene.oval((-0.3, -0.75, 0.5), (0.4, 0.35, 0.45), AIR)
    scene.oval((0, -0.1, -1.1), (0.8, 0.8, 0.5), LIVER)
    scene.oval((0.6, -0.6, 0.1), (0.25, 0.25, 0.7), SOFT)
    scene.tube((-0.1, 0.25, -0.3), (-0.2, 0.3, 0.9), 0.07, BLOOD)
    for part in range(5):
        place = part / 2 - 1
        scene.oval((0.1 - 0.2 * place, 0.1 * place, 0.62 * place), (0.22, 0.2, 0.26), PANCREAS)


def _spleen(scene: Scene, _: int) -> None:
    scene.oval((-0.95, 0.2, 0.1), (0.4, 0.8, 0.8), LUNG)
    scene.oval((0, -0.6, -0.75), (0.7, 0.45, 0.5), SOFT)
    scene.oval((-0.1, -0.75, -0.75), (0.35, 0.22, 0.3), AIR)
    scene.ribs(0.85)
    scene.oval((0, 0.05, 0.15), (0.62, 0.66, 0.42), SPLEEN, loose=0.15)
    scene.oval((0.4, 0.35, -0.5), (0.6, 0.4, 0.4), KIDNEY)


DRAWINGS: dict[str, tuple[Callable[[Scene, int], None], int, float]] = {
    "bladder": (_bladder, LEFT, FAT),
    "femur-left": (_femur, LEFT, FAT),
    "femur-right": (_femur, RIGHT, FAT),
    "heart": (_heart, LEFT, FAT),
    "kidney-left": (_kidney, LEFT, FAT),
    "kidney-right": (_kidney, RIGHT, FAT),
    "liver": (_liver, RIGHT, FAT + 0.1),
    "lung-left": (_lung, LEFT, SOFT),
    "lung-right": (_lung, RIGHT, SOFT),
    "pancreas": (_pancreas, LEFT, FAT),
    "spleen": (_spleen, LEFT, FAT + 0.1),
}
"""By organ: what draws it, its side, and the density of what lies between its neighbours."""


def axial(random: Random, size: int, label: int) -> Array:
    return _slice(random, size, ORGANS[label], "z")


def coronal(random: Random, size: int, label: int) -> Array:
    return _slice(random, size, ORGANS[label], "y")


def sagittal(random: Random, size: int, label: int) -> Array:
    return _slice(random, size, ORGANS[label], "x")


def volume(random: Random, size: int, label: int) -> Array:
    """S×S×S, its axes z, y, x."""
    return _scene(random, cube(size), ORGANS_3D[label], loose=1.6)


def _slice(random: Random, size: int, organ: str, axis: str) -> Array:
    return _scene(random, slice_at(size, axis, random.uniform(-0.3, 0.3)), organ)


def _scene(random: Random, space: Space, organ: str, loose: float = 1.0) -> Array:
    """`loose` times as much unrest of pose: whole volumes bear more of it than slices."""
    draw, side, ground = DRAWINGS[organ]
    space = moved(random, space, shift=0.12 * loose, turn=0.15 * loose, zoom=0.15 * loose)
    scene = Scene(replace(space, x=side * space.x), random, ground)
    draw(scene, side)
    image = scene.image + 0.05 * space.clouds(random, 8)
    return exposed(random, image, contrast=0.2, light=0.06, grain=0.05)
