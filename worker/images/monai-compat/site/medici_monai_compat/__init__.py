"""Gives today's MONAI what programs for MONAI 0.4 to 0.6 expect of it, when a program imports it.

Run at every start of Python by the `.pth` file beside it, so it imports next to nothing; `shims` has the substance.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _AfterMonai:
    """An import hook that has MONAI found where it is, and changed once it is imported."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG004
        spec = PathFinder.find_spec("monai") if name == "monai" else None
        if spec is None or spec.loader is None:
            return None
        import_it = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            import_it(module)
            from medici_monai_compat.shims import apply  # noqa: PLC0415 - it imports MONAI

            apply()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _AfterMonai)
