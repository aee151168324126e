"""`python -m medici_worker.images [NAME…]`: the same as `medici images build`, where only the worker is installed."""

from typing import Annotated

import typer

from medici_worker.images import IMAGE_NAMES, ImageBuildFailed, build_images


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(IMAGE_NAMES)}; all by default.")] = None,
    *,
    force: Annotated[bool, typer.Option(help="Build even what is up to date.")] = False,
    torch_backend: Annotated[str, typer.Option(help="cpu, or a CUDA version in uv's words: cu130.")] = "cpu",
) -> None:
    """Make the curated images on the Docker engine of this machine."""
    try:
        build_images(names or IMAGE_NAMES, say=typer.echo, force=force, torch_backend=torch_backend)
    except ImageBuildFailed as failure:
        typer.echo(str(failure), err=True)
        raise typer.Exit(1) from failure


if __name__ == "__main__":
    typer.run(main)
