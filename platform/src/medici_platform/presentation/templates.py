"""The one Jinja environment. Everything is escaped; a name that a template does not get is an error."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from medici_platform.presentation import formats

STATIC = Path(str(files("medici_platform"))) / "static"


@lru_cache
def asset(name: str) -> str:
    """Address of a static file; it changes with the content, so that browsers may keep it."""
    version = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={version}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("medici_platform"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("when", "day", "size", "duration", "ago", "score", "log_text", "lower_headings", "path_part"):
        environment.filters[name] = getattr(formats, name)
    environment.globals["asset"] = asset
    environment.globals["DASH"] = formats.DASH
    return environment


TEMPLATES = _environment()
