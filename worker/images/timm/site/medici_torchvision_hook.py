"""Makes `import torchvision` (and so `import timm`) work where the compiled operators of torchvision cannot load.

Run at every start of Python by the `.pth` file beside it, so it imports nothing: only when a program imports
torchvision does `medici_training.torchvision_on_cpu` prepare torch for it.
"""  # noqa: INP001 (copied into site-packages as it is)

import sys


class _BeforeTorchvision:
    """An import hook that finds nothing: being asked for torchvision, it prepares torch and steps aside."""

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG003
        if name == "torchvision":
            sys.meta_path.remove(cls)  # type: ignore[arg-type]
            from medici_training.torchvision_on_cpu import prepare  # noqa: PLC0415

            prepare()


sys.meta_path.insert(0, _BeforeTorchvision)  # type: ignore[arg-type]
