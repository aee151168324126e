"""Samples by flag, split and number: the same seed draws the same bytes, however many there are.

Every sample has a random generator of its own, seeded by (seed, flag, split, number). Labels take turns in proportion
to their shares, so that a small split too holds every label about as often as it should.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from medici_training.medmnist.flags import FLAGS, Flag, Task
from medici_training.medmnist.npz import SPLITS, Split
from medici_training.standins.canvas import Bytes, to_bytes
from medici_training.standins.catalogue import RECIPES

SEED = 2020
PRIMES = (5, 2, 3, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43)
"""Multiples of their square roots, modulo 1, fill the unit interval evenly (Kronecker's sequences)."""


def make(flag: Flag, size: int, split: str, count: int, seed: int = SEED) -> tuple[Bytes, Bytes]:
    """`count` samples of one split: images N×S×S, N×S×S×3 or N×S×S×S and labels N×L, both uint8.

    `split` is train, val or test. Flags of v1 are drawn as those of v2 that show the same. Raises ValueError with one
    sentence when the flag has no such size, the split is unknown, or the count or the seed is negative.
    """
    flag.check_size(size)
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    if count < 0 or seed < 0:
        raise ValueError(f"Counts and seeds are not negative: {count} samples, seed {seed}.")
    draw = RECIPES[flag.v2_name].draw
    key = (seed, list(FLAGS).index(flag.v2_name), SPLITS.index(split))
    labels = _labels(flag, key, count)
    images = np.empty((count, *flag.shape(size)), np.uint8)
    for number, label in enumerate(labels):
        random = np.random.default_rng(np.random.SeedSequence([*key, number]))
        images[number] = to_bytes(draw(random, size, label if flag.task is Task.MULTI_LABEL else int(label[0])))
    return images, labels


def make_splits(flag: Flag, size: int, counts: Mapping[str, int], seed: int = SEED) -> dict[str, Split]:
    """Splits by name, ready for `npz.write`; `counts` says how many samples each has."""
    return {split: Split(*make(flag, size, split, count, seed)) for split, count in counts.items()}


def _labels(flag: Flag, key: tuple[int, int, int], count: int) -> Bytes:
    shares = np.asarray(RECIPES[flag.v2_name].shares)
    random = np.random.default_rng(np.random.SeedSequence(key))
    if flag.task is Task.MULTI_LABEL:
        return (_turns(random, count, len(shares)) < shares).astype(np.uint8)
    borders = np.cumsum(shares)[:-1]
    return np.searchsorted(borders, _turns(random, count, 1), side="right").astype(np.uint8)


def _turns(random: np.random.Generator, count: int, columns: int) -> npt.NDArray[np.float64]:
    """count×columns places between 0 and 1, evenly filled in every column from wherever it starts."""
    steps = np.sqrt(np.asarray(PRIMES[:columns], dtype=np.float64))
    return (random.random(columns) + np.arange(1, count + 1)[:, None] * steps) % 1
