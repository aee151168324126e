"""Images by name: looked up on the engine, pulled when the policy says so, compared with what a phase was pinned to."""

from collections.abc import Callable
from functools import partial

from medici_worker.containers.build_policy import RUN_IMAGE, pin_of, pinned_name, short_name
from medici_worker.containers.engine import Engine, EngineError, Image, ImageUnavailable, PullLimits
from medici_worker.containers.interrupt import Interrupt
from medici_worker.protocol import BuildPolicy

IMAGE_LABEL = "medici.run-image"
"""Its value is the worker that built the image, and that removes it when there are too many."""
LOCAL = "medici/"
"""Names that are made on each machine: no registry is ever asked for them."""


class ImageNotAsPinned(EngineError):
    """The worker has another image of that name than the one that the phase was pinned to."""


def find_image(
    engine: Engine,
    name: str,
    policy: BuildPolicy,
    stop: Interrupt | None = None,
    limits: PullLimits | None = None,
) -> Image:
    """The image of this name (after mapping).

    Raises `ImageUnavailable`, `ImageNotAsPinned`, `ImageTooLarge`, `DiskNearlyFull`, `Interrupted`.
    """
    pin = pin_of(name, policy.pins)
    pull = partial(engine.pull, stop=stop, limits=limits)
    return _unpinned(engine, name, policy, pull) if pin is None else _pinned(engine, name, pin, policy, pull)


def is_run_image(image: Image) -> bool:
    """Whether it was built from a submission, here or by another worker of this engine, or loaded or fetched for one.

    An image that also has a name of its own is no submission's secret: a participant may send the very image that
    everybody builds on.
    """
    names = (*image.tags, *image.digests)
    return IMAGE_LABEL in image.labels or (bool(names) and all(map(is_run_name, names)))


def is_run_name(name: str) -> bool:
    return name.startswith((f"{RUN_IMAGE}:", f"{RUN_IMAGE}@"))


def _unpinned(engine: Engine, name: str, policy: BuildPolicy, pull: Callable[[str], Image]) -> Image:
    image = engine.image(name)
    if _is_local(name):
        if image is None:
            raise ImageUnavailable(
                f"The image {name} is not on this engine; no registry has it: make it with `medici images build`, or "
                "load it."
            )
        return image
    if image is not None and (policy.pull != "always" or "@sha256:" in name):
        return image
    if policy.pull == "never":
        raise ImageUnavailable(f"The image {name} is not on this engine, and pulling is switched off.")
    try:
        return pull(name)
    except ImageUnavailable as error:
        if image is None:
            raise
        raise ImageUnavailable(
            f"{error} The older copy on this engine is not used, because the pull policy is 'always': with 'missing' "
            "it is."
        ) from error


def _pinned(engine: Engine, name: str, pin: str, policy: BuildPolicy, pull: Callable[[str], Image]) -> Image:
    wanted = pinned_name(name, policy.pins)
    image = engine.image(wanted)
    if image is not None and image.is_pinned_by(pin):
        return image
    if wanted != name and policy.pull != "never" and not _is_local(name):
        return pull(wanted)
    here = engine.image(name)
    raise ImageNotAsPinned(
        f"The image {name} on this worker is not the one that the phase was pinned to (have "
        f"{here.identity if here else 'none'}, pinned {pin}): load that image here, or let an organizer pin anew."
    )


def _is_local(name: str) -> bool:
    return short_name(name).startswith(LOCAL)
