"""The curated images that submissions and bundles start from: what they are, and how this machine makes them.

`build_images(["python"])` is all that callers need; `worker/images/README.md` tells the rest.
"""

from medici_worker.images.build import BuiltImage, build_images
from medici_worker.images.errors import ImageBuildFailed
from medici_worker.images.recipes import IMAGE_NAMES

__all__ = ["IMAGE_NAMES", "BuiltImage", "ImageBuildFailed", "build_images"]
