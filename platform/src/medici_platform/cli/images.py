"""`medici images build`."""

import dataclasses
from typing import Annotated

import typer

from medici_platform.cli.output import CommandFailed, notes, print_json, print_table

app = typer.Typer(help="The curated base images.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Curated images hold what participants need, so that builds work without a network."""


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all of them.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also those that are up to date.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    torch: Annotated[str, typer.Option(help="`cpu`, or a CUDA version such as `cu130` for GPU machines.")] = "cpu",
) -> None:
    """Build the curated images: from a registry's Python where one answers, else from Debian's packages."""
    from medici_worker.images import IMAGE_NAMES, build_images  # noqa: PLC0415 - only where an engine is used
    from medici_worker.images.errors import ImageBuildFailed  # noqa: PLC0415

    try:
        built = build_images(names or IMAGE_NAMES, say=notes.print, force=force, torch_backend=torch)
    except ImageBuildFailed as error:
        raise CommandFailed(str(error)) from error
    if as_json:
        print_json([dataclasses.asdict(image) for image in built])
        return
    rows = [
        [
            image.tag,
            f"{image.size_bytes / 1024**2:,.0f}",
            f"{image.took_s:.1f}",
            "built" if image.built else "up to date",
        ]
        for image in built
    ]
    print_table("Images", [("Image", False), ("MiB", True), ("Seconds", True), ("State", False)], rows)
