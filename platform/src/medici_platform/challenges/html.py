"""Organizers' texts are untrusted: Markdown or HTML goes in, a small clean subset comes out."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from html import escape, unescape
from pathlib import PurePosixPath

import nh3
from markdown_it import MarkdownIt

from medici_platform.challenges import cleaner
from medici_platform.errors import Busy

DETAILED_RESULTS_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing runs, nothing loads, and the page has an origin of its own."""
TIMEOUT_S = 10.0
PATIENCE_S = 1.0
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_PICTURE = re.compile(r'(<img(?: [a-z]+="[^"]*")*?) src="([^"]*)"')
"""As the cleaner writes them."""
_at_work = threading.BoundedSemaphore(2)

Picture = Callable[[str], str | None]
"""From a relative `src` to the address under which the picture is served; None when there is none."""


def render_page(filename: str, text: str, picture: Picture = lambda _: None) -> str:
    """HTML for a page of the bundle: `.md` is Markdown, anything else HTML. Images from elsewhere are not loaded."""
    is_markdown = PurePosixPath(filename).suffix.lower() in (".md", ".markdown")
    return clean(_MARKDOWN.render(text) if is_markdown else text, picture)


def clean(html: str, picture: Picture = lambda _: None) -> str:
    """As `cleaner.clean_page` does it, with the addresses of pictures."""

    def served(found: re.Match[str]) -> str:
        source = unescape(found[2])
        address = picture(source) if cleaner.is_relative(source) else source
        return found[1] + (f' src="{escape(address)}"' if address is not None else "")

    return _PICTURE.sub(served, _cleaned("page", html))


def clean_detailed_results(html: str) -> str:
    """As `cleaner.clean_report` does it.

    What holds no tag is plain text under the name of a page, such as scikit-learn's report: its lines stay as they are.
    """
    return _cleaned("report", html) if nh3.is_html(html) else _as_text(html)


def _as_text(html: str) -> str:
    return f"<pre>{escape(html)}</pre>"


@lru_cache(maxsize=8)
def _cleaned(kind: str, html: str) -> str:
    """In a process of its own, within limits of memory and time. What is too tangled for them is shown as text.

    Raises Busy while others are at work: whoever waits here holds one of the threads that all requests share.
    """
    if not _at_work.acquire(timeout=PATIENCE_S):
        raise Busy("Other texts are being cleaned at the moment: please try again in a few seconds.")
    try:
        child = subprocess.run(
            [sys.executable, "-I", cleaner.__file__],
            input=json.dumps([kind, html]).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=True,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        )
    except subprocess.SubprocessError:
        return _as_text(html)
    finally:
        _at_work.release()
    return child.stdout.decode()
