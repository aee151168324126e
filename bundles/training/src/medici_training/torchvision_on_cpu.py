"""`import torchvision` and `import timm` beside torch's CPU build.

Wheels of torchvision hold operators that are linked to CUDA. Beside a torch without CUDA they cannot be loaded;
torchvision then still describes two of them to torch while it is imported, and torch refuses, because nobody defined
them: "operator torchvision::nms does not exist". Networks and image transforms need neither, so declaring that the
operators exist is enough. Those that call them (detection) are still told by torchvision that it has none.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_defined: list[Any] = []
"""Keeps the library alive: torch forgets its operators together with it."""


def prepare() -> None:
    """Declare torchvision's operators that are missing; call it before the first `import torchvision` or `timm`.

    Where they load (torch with CUDA), where torchvision is absent, or when called again, nothing is changed.
    """
    spec = find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations or _loads(Path(spec.submodule_search_locations[0])):
        return
    missing = [schema for name, schema in SCHEMAS.items() if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in missing:
            library.define(schema)
        _defined.append(library)


def _loads(package: Path) -> bool:
    """Whether torchvision's compiled operators can be had; loading them twice is harmless."""
    for file in package.glob("_C*.so"):
        try:
            torch.ops.load_library(str(file))
        except OSError:
            return False
        return True
    return False
