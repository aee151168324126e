"""What MONAI 0.4 to 0.6 had and today's MONAI has not, in terms of today's.

- `AddChannel` and `AddChanneld` (removed in 1.3).
- PNG, JPEG and BMP pictures are read as rows by columns, as Pillow gives them. From 0.7 on MONAI turns them to columns
  by rows, so that a network that was trained before sees every picture transposed. Those that say
  `reverse_indexing=True` get that still.
- `AsDiscrete(n_classes=…, to_onehot=True, threshold_values=True, logit_thresh=…)` (removed in 1.0).
"""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from monai import transforms
from monai.config import KeysCollection
from monai.data.image_reader import PILReader
from monai.transforms import AsDiscrete, MapTransform, Transform
from monai.transforms.utility import array, dictionary
from monai.utils import TransformBackends


class AddChannel(Transform):
    """Puts a channel dimension of length one before the others."""

    backend = (TransformBackends.TORCH, TransformBackends.NUMPY)

    def __call__(self, img: Any) -> Any:
        return img[None]


class AddChanneld(MapTransform):
    """`AddChannel` for the values of a dictionary."""

    backend = AddChannel.backend

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:  # noqa: FBT001 - MONAI's own order
        super().__init__(keys, allow_missing_keys)
        self.adder = AddChannel()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return dict(data) | {key: self.adder(data[key]) for key in self.key_iterator(data)}


def apply() -> None:
    """Change the imported MONAI in place."""
    array.AddChannel = transforms.AddChannel = AddChannel
    for name in ("AddChanneld", "AddChannelD", "AddChannelDict"):
        setattr(dictionary, name, AddChanneld)
        setattr(transforms, name, AddChanneld)
    PILReader.__init__ = _reading_rows_first(PILReader.__init__)
    AsDiscrete.__init__ = _with_former_words(AsDiscrete.__init__)
    AsDiscrete.__call__ = _with_former_words(AsDiscrete.__call__)


def _reading_rows_first(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def rows_first(self: PILReader, converter: Any = None, reverse_indexing: bool = False, **others: Any) -> None:  # noqa: FBT001
        init(self, converter, reverse_indexing, **others)

    return rows_first


def _with_former_words(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `AsDiscrete` that understands its former arguments too."""

    @functools.wraps(method)
    def understanding(self: AsDiscrete, *arguments: Any, **words: Any) -> Any:
        return method(self, *arguments, **_in_todays_words(words))

    return understanding


def _in_todays_words(words: dict[str, Any]) -> dict[str, Any]:
    """Number of classes and threshold in one word each, where a flag and a value were two."""
    words = dict(words)
    classes = words.pop("n_classes", words.pop("num_classes", None))
    if words.get("to_onehot") is True:
        words["to_onehot"] = classes
    elif words.get("to_onehot") is False:
        words["to_onehot"] = None
    at = words.pop("logit_thresh", 0.5)
    if words.pop("threshold_values", False):
        words["threshold"] = at
    return words
